//! Below kube's client: deadlines for every call, and a heartbeat for every watch.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tower::{BoxError, Service};

use super::failures::Failures;
use super::heartbeat::Heartbeats;
use super::kind::Kind;

/// A service whose calls end in time.
pub(super) struct Bounded<S> {
    inner: S,
    heartbeats: Heartbeats,
    failures: Failures,
    user_agent: HeaderValue,
}

/// A call took longer than it may.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the API server did not answer within {} ms", .0.as_millis())]
pub struct DeadlineExceeded(Duration);

impl<S> Bounded<S> {
    pub(super) fn new(inner: S, heartbeats: Heartbeats, failures: Failures, user_agent: HeaderValue) -> Self {
        Self { inner, heartbeats, failures, user_agent }
    }
}

impl<S, I, B> Service<Request<I>> for Bounded<S>
where
    S: Service<Request<I>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<BoundedBody<B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<I>) -> Self::Future {
        request.headers_mut().entry(header::USER_AGENT).or_insert_with(|| self.user_agent.clone());
        let (kind, heartbeats, began) = (Kind::of(&request), self.heartbeats.clone(), Instant::now());
        let failures = self.failures.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let head = kind.to_head();
            let answer: Result<_, BoxError> = match timeout(head, answer).await {
                Ok(answer) => answer.map_err(Into::into),
                Err(_) => Err(DeadlineExceeded(head).into()),
            };
            let (parts, inner) = answer.inspect_err(|error| failures.note_error(error))?.into_parts();
            failures.note_status(parts.status);
            let pulse = parts.status.is_success().then(|| Stream::begin(&kind, heartbeats)).flatten();
            let deadline = kind.to_end().map(|limit| (limit, Box::pin(sleep_until(began + limit))));
            Ok(Response::from_parts(parts, BoundedBody { inner: Box::pin(inner), pulse, deadline, failures }))
        })
    }
}

/// A watch under way, whose signs of life are noted.
struct Stream {
    path: String,
    heartbeats: Heartbeats,
    has_ended: bool,
}

impl Stream {
    /// The stream of a watch whose head has come. That of a list is a sign of life of the same objects.
    fn begin(kind: &Kind, heartbeats: Heartbeats) -> Option<Self> {
        match kind {
            Kind::Watch(path) => {
                heartbeats.opened(path, Instant::now());
                Some(Self { path: path.clone(), heartbeats, has_ended: false })
            }
            Kind::List(path) => {
                heartbeats.listed(path, Instant::now());
                None
            }
            Kind::Single => None,
        }
    }

    /// Something came: a change, a bookmark, an error, or the end that the server makes of every watch.
    fn note<T, E>(&mut self, came: Option<&Result<T, E>>) {
        match came {
            Some(Err(_)) => self.has_ended = true,
            Some(Ok(_)) => self.heartbeats.beat(&self.path, Instant::now()),
            None if self.has_ended => {}
            None => {
                self.has_ended = true;
                self.heartbeats.beat(&self.path, Instant::now());
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.has_ended {
            self.heartbeats.abandoned(&self.path);
        }
    }
}

/// A body that ends in time, or beats.
pub(super) struct BoundedBody<B> {
    inner: Pin<Box<B>>,
    pulse: Option<Stream>,
    deadline: Option<(Duration, Pin<Box<Sleep>>)>,
    failures: Failures,
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = this.inner.as_mut().poll_frame(context) {
            if let Some(stream) = &mut this.pulse {
                stream.note(frame.as_ref());
            }
            let frame = frame.map(|frame| frame.map_err(Into::into));
            return Poll::Ready(
                frame.map(|frame| frame.inspect_err(|error| this.failures.note_error(error))),
            );
        }
        match &mut this.deadline {
            Some((limit, sleep)) => {
                ready!(sleep.as_mut().poll(context));
                let late = DeadlineExceeded(*limit).into();
                this.failures.note_error(&late);
                Poll::Ready(Some(Err(late)))
            }
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
