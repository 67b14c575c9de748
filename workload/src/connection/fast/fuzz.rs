//! For the fuzz targets: what this path takes for a request, hyper takes for the same one.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Collected, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, ReadBuf};

use super::super::head;
use super::super::registry::general;
use super::grammar::{After, Head, Scan, room, scan};
use super::request::request;
use super::serve::LONGEST_BODY;
use crate::settings::Limits;

/// What a connection goes on with.
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nhost: a\r\n\r\n";
/// Polls after which a connection whose bytes are all there does nothing more.
const POLLS: usize = 100;

/// A head is what it is whatever follows it, nothing shorter is one, and hyper reads the same from the same bytes.
pub(crate) fn fuzz(bytes: &[u8]) {
    let limits = Limits::default();
    let mut first = room();
    let Scan::Head(head) = scan(bytes, &mut first, &limits, LONGEST_BODY) else { return };
    assert!(head.bytes <= bytes.len() && head.body_bytes <= LONGEST_BODY);
    assert!(bytes[..head.bytes].ends_with(b"\n"));
    let mut second = room();
    let alone = scan(&bytes[..head.bytes], &mut second, &limits, LONGEST_BODY);
    assert!(
        matches!(alone, Scan::Head(alone) if (alone.bytes, alone.body_bytes) == (head.bytes, head.body_bytes))
    );
    let mut third = room();
    assert!(!matches!(scan(&bytes[..head.bytes - 1], &mut third, &limits, LONGEST_BODY), Scan::Head(_)));
    if let Some(whole) = bytes.get(..head.bytes + head.body_bytes)
        && let Some(request) = request(&head, whole)
    {
        hyper_agrees(&head, &request, whole, &limits);
    }
}

/// Whether hyper reads `request` from `bytes`, and after it the next one, or none.
fn hyper_agrees(head: &Head<'_, '_>, request: &Request<Body>, bytes: &[u8], limits: &Limits) {
    let requests = read_by_hyper(&[bytes, NEXT].concat(), limits);
    let (parts, body) = &requests[0];
    assert_eq!((&parts.method, &parts.uri), (request.method(), request.uri()));
    assert_eq!((&parts.headers, parts.version), (request.headers(), request.version()));
    assert_eq!(&body[..], &bytes[head.bytes..]);
    let checked = head::check(&Request::from_parts(parts.clone(), ()), limits);
    assert_eq!(checked, Ok(()));
    let followed: Vec<_> = requests[1..].iter().map(|(parts, _)| parts.uri.path()).collect();
    let expected: &[&str] = if head.after == After::Keep { &["/next"] } else { &[] };
    assert_eq!(followed, expected);
}

/// The requests that hyper, set as it is for connections that leave this path, reads from `bytes`.
fn read_by_hyper(bytes: &[u8], limits: &Limits) -> Vec<(Parts, Bytes)> {
    let requests = RefCell::new(Vec::new());
    let service = service_fn(|request: Request<Incoming>| {
        let requests = &requests;
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
            requests.borrow_mut().push((parts, body));
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let stream = TokioIo::new(tokio::io::join(Received(bytes), tokio::io::sink()));
    {
        let mut connection = pin!(general(limits).serve_connection(stream, service));
        let mut cx = Context::from_waker(Waker::noop());
        let mut ended = || connection.as_mut().poll(&mut cx).is_ready() || requests.borrow().len() > 1;
        let _ended = (0..POLLS).any(|_| ended());
    }
    requests.into_inner()
}

/// What a client has sent that waits for its answers. To hyper, the end of the stream is the end of everything.
struct Received<'a>(&'a [u8]);

impl AsyncRead for Received<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() { Poll::Pending } else { Pin::new(&mut self.0).poll_read(cx, buf) }
    }
}
