//! Makes the context of each request, and answers with its name.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer, Service};

use super::{REQUEST_ID, RequestContext};

/// Gives every request its [`RequestContext`], and every answer its name as `X-Request-ID`. It costs a request some
/// allocations; where no handler asks, the server names requests without it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestContextLayer;

/// A service whose requests have a [`RequestContext`].
#[derive(Debug, Clone)]
pub struct WithRequestContext<S> {
    inner: S,
}

impl<S> Layer<S> for RequestContextLayer {
    type Service = WithRequestContext<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WithRequestContext { inner }
    }
}

impl<S, B, A> Service<Request<B>> for WithRequestContext<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let context = RequestContext::of(&request);
        request.extensions_mut().insert(context.clone());
        let mut answer = Box::pin(context.within(|| self.inner.call(request)));
        Box::pin(async move {
            let mut answer = std::future::poll_fn(|cx| context.within(|| answer.as_mut().poll(cx))).await;
            if let Ok(answer) = &mut answer {
                answer.headers_mut().entry(REQUEST_ID).or_insert_with(|| context.id_value().clone());
            }
            answer
        })
    }
}
