//! Around the service: samples requests and makes spans of them.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use axum::body::Body;
use futures::future::{BoxFuture, Either};
use http::{HeaderName, Request, Response};
use tokio::sync::mpsc::{Receiver, Sender};
use tower::{Layer, Service};

use super::span::{Decided, Place, Span, decided};
use crate::context::trace::PARENT;

/// Spans that wait to be sent; more are dropped, as a collector that is slow must not slow the service.
const WAITING: usize = 1024;

/// Samples requests. A layer around the service.
#[derive(Debug, Clone)]
pub(crate) struct Tracer {
    share: f64,
    spans: Sender<Span>,
}

/// A service whose requests are sampled.
#[derive(Debug, Clone)]
pub(crate) struct Traced<S> {
    inner: S,
    tracer: Tracer,
}

/// A tracer that samples this share of the requests, and where its spans come out.
pub(crate) fn channel(share: f64) -> (Tracer, Receiver<Span>) {
    let (spans, waiting) = tokio::sync::mpsc::channel(WAITING);
    (Tracer { share, spans }, waiting)
}

impl Tracer {
    fn samples(&self, request: &Request<Body>) -> bool {
        match decided(request.headers()) {
            Decided::Yes => true,
            Decided::No => false,
            Decided::Open => rand::random::<f64>() < self.share,
        }
    }
}

impl<S> Layer<S> for Tracer {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced { inner, tracer: self.clone() }
    }
}

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if !self.tracer.samples(&request) {
            return Either::Left(self.inner.call(request));
        }
        let place = Place::below(request.headers());
        if let Some(parent) = place.traceparent() {
            request.headers_mut().insert(HeaderName::from_static(PARENT), parent);
        }
        let (method, path) = (request.method().to_string(), Span::path_of(request.uri().path()));
        let (began, since) = (SystemTime::now(), Instant::now());
        let (answer, spans) = (self.inner.call(request), self.tracer.spans.clone());
        Either::Right(Box::pin(async move {
            let answer = answer.await?;
            let status = answer.status().as_u16();
            // Dropped if too many wait.
            drop(spans.try_send(Span { place, method, path, status, began, took: since.elapsed() }));
            Ok(answer)
        }))
    }
}
