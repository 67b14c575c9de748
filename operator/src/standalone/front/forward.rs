//! One request: passed on to a server, and its answer passed back.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Empty, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{
    CONNECTION, EXPECT, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TE, TRAILER, UPGRADE,
};
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::balance::{Backends, Place};

/// A server that has not begun to answer by then is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Idle connections kept to one server.
const IDLE_CONNECTIONS: usize = 512;

/// The body of an answer: a server's, or a line of our own.
pub(super) type Answer = Either<Passed, Full<Bytes>>;

type Sent = Either<Incoming, Empty<Bytes>>;

/// Passes requests on. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub(super) struct Forwarder {
    client: Client<HttpConnector, Sent>,
    backends: Backends,
}

/// A server's answer on its way; it occupies its place at the server until its end.
#[derive(Debug)]
pub(super) struct Passed {
    body: Incoming,
    _place: Place,
}

impl Forwarder {
    pub(super) fn new(backends: Backends) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(2)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .set_host(false)
            .build(connector);
        Self { client, backends }
    }

    /// Passes a request on to the least busy server.
    ///
    /// A request without a body that may be sent twice is sent once more, to whichever server is the least busy then,
    /// when a server goes away before it has answered anything.
    pub(super) async fn forward(self, mut request: Request<Incoming>) -> Response<Answer> {
        remove_hop_by_hop(request.headers_mut());
        *request.version_mut() = Version::HTTP_11;
        if !repeatable(&request) {
            let answer = self.send(request.map(Either::Left)).await;
            return answer.unwrap_or_else(Failure::answer);
        }
        let request = request.map(|_| Either::Right(Empty::new()));
        let again = copy_of(&request);
        let answer = match self.send(request).await {
            Err(Failure::ServerGone) => self.send(again).await,
            answer => answer,
        };
        answer.unwrap_or_else(Failure::answer)
    }

    async fn send(&self, mut request: Request<Sent>) -> Result<Response<Answer>, Failure> {
        let place = self.backends.least_busy().ok_or(Failure::NoServer)?;
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = at(&place, path).ok_or(Failure::ServerGone)?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.client.request(request)).await;
        let answer = answer.map_err(|_| Failure::TooSlow)?;
        let mut answer = answer.map_err(|_| Failure::ServerGone)?;
        remove_hop_by_hop(answer.headers_mut());
        Ok(answer.map(|body| Either::Left(Passed { body, _place: place })))
    }
}

/// Why a request has no answer of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    NoServer,
    ServerGone,
    TooSlow,
}

impl Failure {
    fn answer(self) -> Response<Answer> {
        let (status, text) = match self {
            Self::NoServer => (StatusCode::SERVICE_UNAVAILABLE, "no server is ready yet\n"),
            Self::ServerGone => (StatusCode::BAD_GATEWAY, "the server went away\n"),
            Self::TooSlow => (StatusCode::GATEWAY_TIMEOUT, "the server did not answer\n"),
        };
        let mut answer = Response::new(Either::Right(Full::from(text)));
        *answer.status_mut() = status;
        if self == Self::NoServer {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

fn repeatable(request: &Request<Incoming>) -> bool {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    safe && request.body().is_end_stream()
}

fn copy_of(request: &Request<Sent>) -> Request<Sent> {
    let mut copy = Request::new(Either::Right(Empty::new()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    copy
}

fn at(place: &Place, path: Option<PathAndQuery>) -> Option<Uri> {
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(place.authority());
    uri.path_and_query(path.unwrap_or(PathAndQuery::from_static("/"))).build().ok()
}

/// Removes what concerns one connection only (RFC 9110, 7.6.1). The length of the body stays: hyper frames by it.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<_> = named
            .flat_map(|value| value.split(','))
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [TE, TRAILER, UPGRADE, EXPECT] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection", "transfer-encoding"] {
        headers.remove(name);
    }
}

impl Body for Passed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_one_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("host", "orders"),
            ("content-length", "3"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host"]);
    }
}
