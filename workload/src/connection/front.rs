//! The way of one request through its connection: head checks, then admission and the handler, then the answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tower::Service as _;

use super::body::{AnswerBody, limited};
use super::cut::Cut;
use super::fast::Scratch;
use super::head;
use super::http2::Health;
use super::peer::Peer;
use super::progress::{Answered, Progress};
use super::refusal::Refusal;
use super::registry::{Hall, Mood};
use super::upload::Upload;
use crate::admission::Permit;
use crate::brownout;
use crate::clock::Nanos;
use crate::context::{REQUEST_ID, request_id};
use crate::fixed::{self, FixedAnswer};
use crate::settings::Limits;
use crate::worker::Desk;

/// Bytes of a body up to which it is read before admission. As much as hyper reads ahead anyway: a connection costs no
/// more memory than with a long head.
const SHORT_BODY: u64 = 16 * 1024;

/// What answers the requests of a connection.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// The service, behind admission.
    Service(Rc<Desk>),
    /// The admin port, for one peer: nothing waits and nothing is counted.
    Admin(Router, SocketAddr),
}

/// An answer, with the slot of its request if its body is still being made; or why there is none.
pub(crate) type Outcome = Result<(Response<Body>, Option<Permit>), Refusal>;

/// One connection's service.
#[derive(Debug)]
pub(super) struct Front {
    hall: Rc<Hall>,
    progress: Rc<Progress>,
    pub(super) peer: Peer,
    pub(super) backend: Backend,
}

impl Front {
    pub(super) fn new(hall: Rc<Hall>, progress: Rc<Progress>, peer: Peer, backend: Backend) -> Self {
        Self { hall, progress, peer, backend }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.hall.limits
    }

    pub(super) fn scratch(&self) -> &Scratch {
        &self.hall.scratch
    }

    pub(super) fn now(&self) -> Nanos {
        self.hall.now()
    }

    /// A fixed answer to a request that came at `arrived` was written.
    pub(super) fn sent_fixed(&self, arrived: Nanos) {
        let now = self.hall.now();
        if let Backend::Service(desk) = &self.backend {
            desk.answered_fixed(arrived, now);
        }
        self.hall.record.succeeded(now - arrived);
        self.progress.idle(now);
    }

    /// A request was turned away at sight.
    pub(super) fn sent_refusal(&self) {
        self.progress.idle(self.hall.now());
    }

    /// Whether the connection ends with the answer to a request that came at `arrived`.
    pub(super) fn is_to_end(&self, arrived: Nanos) -> bool {
        let term = self.progress.term();
        let over = term.is_over(arrived);
        if over {
            self.progress.cut(term.reason());
        }
        over || self.hall.mood() == Mood::Closing
    }

    /// The answer to one request. There always is one.
    pub(super) async fn answer(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let arrived = self.hall.now();
        let id = request_id(request.headers());
        let outcome = match head::check(&request, &self.hall.limits) {
            Ok(()) => self.call(request, arrived).await,
            Err(refusal) => {
                self.progress.head_read(arrived, None);
                self.progress.cut(Cut::Malformed);
                self.backend.malformed();
                Err(refusal)
            }
        };
        let (response, permit) = outcome.unwrap_or_else(|refusal| (self.refuse(refusal), None));
        let mut response = self.finish(response, permit, arrived);
        response.headers_mut().entry(REQUEST_ID).or_insert(id);
        Ok(response)
    }

    async fn call(&self, request: Request<Incoming>, arrived: Nanos) -> Outcome {
        let (head, incoming) = request.into_parts();
        let (body, arrived) = if incoming.is_end_stream() {
            self.progress.head_read(arrived, None);
            (Body::empty(), arrived)
        } else {
            match self.receive(incoming, arrived).await {
                Ok(body) => (body, self.hall.now()),
                Err(refusal) => {
                    self.backend.malformed();
                    return Err(refusal);
                }
            }
        };
        // Pinned here: a request is some hundred bytes, and each future it is moved into copies them.
        let call = pin!(self.backend.call(Request::from_parts(head, body), arrived, &self.peer));
        let overdue = match self.progress.in_time(call).await {
            Ok(outcome) => return outcome,
            Err(refusal) => refusal,
        };
        self.hall.record.responded(overdue.status());
        Err(overdue)
    }

    /// The body for the handler: a short one as a whole, so that no slot is held while a slow client sends it.
    async fn receive(&self, incoming: Incoming, arrived: Nanos) -> Result<Body, Refusal> {
        let length = incoming.size_hint().exact();
        let upload = Upload::begin(self.hall.clock());
        self.progress.head_read(arrived, Some(upload.clone()));
        let body = limited(incoming, upload, self.hall.limits.body_bytes);
        if length.is_none_or(|length| length > SHORT_BODY) {
            return Ok(body);
        }
        let whole = self.progress.in_time(pin!(body.collect())).await?;
        whole
            .map(|whole| Body::from(whole.to_bytes()))
            .map_err(|_| Refusal::Malformed("the body ended early\n"))
    }

    fn refuse(&self, refusal: Refusal) -> Response<Body> {
        let mut response = refusal.response();
        if self.progress.is_uploading() {
            // The rest of the body is not read, so no other request can follow it.
            end_connection(&mut response);
        }
        response
    }

    fn finish(
        &self,
        mut response: Response<Body>,
        permit: Option<Permit>,
        arrived: Nanos,
    ) -> Response<AnswerBody> {
        if self.is_to_end(arrived) {
            end_connection(&mut response);
        }
        self.progress.answering();
        let successful = response.status() < StatusCode::BAD_REQUEST;
        let how = if successful { Answered::Successfully } else { Answered::Otherwise };
        response.map(|body| AnswerBody::new(body, permit, how, Rc::clone(&self.progress)))
    }
}

fn end_connection(response: &mut Response<Body>) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

impl Backend {
    pub(super) async fn call(&self, mut request: Request<Body>, arrived: Nanos, peer: &Peer) -> Outcome {
        match self {
            Self::Service(_) if brownout::refuses() => Err(Refusal::BrownedOut),
            Self::Service(desk) => desk.serve(request, arrived, peer).await,
            Self::Admin(router, address) => {
                request.extensions_mut().insert(ConnectInfo(*address));
                let response = router.clone().call(request).await;
                Ok((response.unwrap_or_else(|never| match never {}), None))
            }
        }
    }

    /// What answers gRPC's question for the server's health.
    pub(super) fn health(&self) -> Option<&Health> {
        match self {
            Self::Service(desk) => desk.health(),
            Self::Admin(..) => None,
        }
    }

    /// The admin port is spoken to by probes and controllers: HTTP/1 will do.
    pub(super) fn speaks_http2(&self) -> bool {
        matches!(self, Self::Service(_))
    }

    /// The place of the fixed answer to `method` and `target`, if there is one.
    pub(super) fn fixed(&self, method: &Method, target: &str) -> Option<usize> {
        match self {
            Self::Service(desk) => fixed::find(desk.fixed(), method, target),
            Self::Admin(..) => None,
        }
    }

    /// Why a request that nothing in its head tells from others is turned away just now.
    pub(super) fn refuse_at_sight(&self) -> Option<Refusal> {
        match self {
            Self::Service(desk) => desk.refuse_at_sight(),
            Self::Admin(..) => None,
        }
    }

    pub(super) fn fixed_answer(&self, index: usize) -> Option<&FixedAnswer> {
        match self {
            Self::Service(desk) => desk.fixed().get(index),
            Self::Admin(..) => None,
        }
    }

    pub(super) fn malformed(&self) {
        match self {
            Self::Service(desk) => desk.malformed(),
            Self::Admin(..) => {}
        }
    }
}
