//! gRPC's standard health service, `grpc.health.v1.Health`: says what `/readyz` says. Its two messages are so small
//! that they are written here instead of generated.

use std::pin::pin;
use std::rc::Rc;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::sync::watch;

use super::super::body::{AnswerBody, limited};
use super::super::progress::{Answered, Progress};
use super::super::registry::Hall;
use super::super::upload::Upload;
use crate::clock::Nanos;
use crate::core::Stage;

/// What the service answers from.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    stage: watch::Receiver<Stage>,
}

/// Why there is no answer: a status of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    InvalidArgument = 3,
    NotFound = 5,
    Unimplemented = 12,
}

const PATH: &str = "/grpc.health.v1.Health/";
/// A question holds the name of a service.
const MOST_BYTES: usize = 4096;

impl Health {
    pub(crate) fn new(stage: watch::Receiver<Stage>) -> Self {
        Self { stage }
    }

    /// Whether a request is for this service.
    pub(super) fn is_asked<B>(request: &Request<B>) -> bool {
        request.uri().path().starts_with(PATH)
    }

    /// The answer. It is no arrival and takes no slot.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        arrived: Nanos,
        hall: &Hall,
        progress: &Rc<Progress>,
    ) -> Response<AnswerBody> {
        let upload = Upload::begin(hall.clock());
        progress.head_read(arrived, Some(upload.clone()));
        let (head, incoming) = request.into_parts();
        let question = progress.in_time(pin!(limited(incoming, upload, MOST_BYTES).collect())).await;
        let question = question.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
        let serves = *self.stage.borrow() == Stage::Ready;
        let response = match check(head.uri.path(), question.as_deref()) {
            Ok(()) => answer(serves),
            Err(status) => refusal(status),
        };
        progress.answering();
        response.map(|body| AnswerBody::new(body, None, Answered::Otherwise, Rc::clone(progress)))
    }
}

/// Whether the question is for the health of the whole server.
fn check(path: &str, question: Option<&[u8]>) -> Result<(), Status> {
    // Those who watch have to ask again and again then, says the protocol.
    if path.strip_prefix(PATH) != Some("Check") {
        return Err(Status::Unimplemented);
    }
    // Not compressed, and so long.
    let Some(&[0, a, b, c, d, ref message @ ..]) = question else { return Err(Status::InvalidArgument) };
    if u32::from_be_bytes([a, b, c, d]) as usize != message.len() {
        return Err(Status::InvalidArgument);
    }
    // Field 1, the name of a service: none, or an empty one.
    if matches!(message, [] | [0x0a, 0]) { Ok(()) } else { Err(Status::NotFound) }
}

fn answer(serves: bool) -> Response<Body> {
    // Field 1: SERVING or NOT_SERVING.
    let message = [0, 0, 0, 0, 2, 0x08, if serves { 1 } else { 2 }];
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::copy_from_slice(&message)).with_trailers(async { Some(Ok(trailers)) });
    grpc(Body::new(body))
}

fn refusal(status: Status) -> Response<Body> {
    let mut response = grpc(Body::empty());
    response.headers_mut().insert("grpc-status", HeaderValue::from(status as u16));
    response
}

fn grpc(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// For the fuzz targets: only the two ways to name no service are questions that are answered.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz(bytes: &[u8]) {
    let answered = check("/grpc.health.v1.Health/Check", Some(bytes)).is_ok();
    assert_eq!(answered, matches!(bytes, [0, 0, 0, 0, 0] | [0, 0, 0, 0, 2, 10, 0]));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_name("Check", Some(&[0, 0, 0, 0, 0][..]), Ok(()))]
    #[case::empty_name("Check", Some(&[0, 0, 0, 0, 2, 10, 0][..]), Ok(()))]
    #[case::a_name("Check", Some(&[0, 0, 0, 0, 3, 10, 1, b'a'][..]), Err(Status::NotFound))]
    #[case::compressed("Check", Some(&[1, 0, 0, 0, 0][..]), Err(Status::InvalidArgument))]
    #[case::cut("Check", Some(&[0, 0, 0, 0, 2, 10][..]), Err(Status::InvalidArgument))]
    #[case::nothing("Check", Some(&[][..]), Err(Status::InvalidArgument))]
    #[case::no_body("Check", None, Err(Status::InvalidArgument))]
    #[case::watch("Watch", Some(&[0, 0, 0, 0, 0][..]), Err(Status::Unimplemented))]
    fn questions_are_checked(
        #[case] method: &str,
        #[case] question: Option<&[u8]>,
        #[case] expected: Result<(), Status>,
    ) {
        assert_eq!(check(&format!("{PATH}{method}"), question), expected);
    }
}
