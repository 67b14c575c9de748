//! Gives a call what goes along with the request it is made for, and ends it when nobody waits for it any more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::{IntoResponse, Response as Answer};
use http::{Request, StatusCode};
use tokio::time::timeout;
use tower::{Layer, Service};

use crate::context::RequestContext;

/// Passes on the current request's `X-Request-ID`, trace and remaining time
/// ([`RequestContextLayer`](crate::RequestContextLayer) has to be on the `Router`), and drops the call when the deadline
/// passes, or after a time of its own.
#[derive(Debug, Clone, Copy)]
pub struct PassOnLayer {
    longest: Duration,
}

/// A service whose calls belong to a request.
#[derive(Debug, Clone)]
pub struct PassOn<S> {
    inner: S,
    longest: Duration,
}

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum PassOnError<E> {
    /// The deadline passed before the answer. As an answer it is 504.
    #[error("no answer from upstream in time")]
    TimedOut,
    /// It failed.
    #[error(transparent)]
    Inner(E),
}

impl PassOnLayer {
    /// No call takes longer than `longest`, even if its request has no deadline.
    pub fn new(longest: Duration) -> Self {
        Self { longest }
    }
}

impl<S> Layer<S> for PassOnLayer {
    type Service = PassOn<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PassOn { inner, longest: self.longest }
    }
}

impl<S, B> Service<Request<B>> for PassOn<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = PassOnError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(PassOnError::Inner)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let context = RequestContext::current();
        let remaining = context.as_ref().and_then(RequestContext::remaining);
        if remaining.is_some_and(|remaining| remaining.is_zero()) {
            return Box::pin(std::future::ready(Err(PassOnError::TimedOut)));
        }
        if let Some(context) = context {
            context.pass_on(request.headers_mut());
        }
        let limit = remaining.map_or(self.longest, |remaining| remaining.min(self.longest));
        let answer = self.inner.call(request);
        Box::pin(async move {
            match timeout(limit, answer).await {
                Ok(answer) => answer.map_err(PassOnError::Inner),
                Err(_elapsed) => Err(PassOnError::TimedOut),
            }
        })
    }
}

impl<E: IntoResponse> IntoResponse for PassOnError<E> {
    fn into_response(self) -> Answer {
        match self {
            Self::TimedOut => {
                (StatusCode::GATEWAY_TIMEOUT, "something this needs did not answer in time\n").into_response()
            }
            Self::Inner(error) => error.into_response(),
        }
    }
}
