//! The breaker in front of any tower service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::response::{IntoResponse, Response as Answer};
use http::Response;
use tower::{Layer, Service};

use super::{Breaker, BreakerOpen, BreakerRules, CallResult};

/// Puts a breaker in front of a service. By default errors and answers with 5xx are failures, and what is not called
/// is answered with [`BreakerError::Open`].
#[derive(Debug, Clone)]
pub struct BreakerLayer<J, F = NoFallback> {
    breaker: Breaker,
    judge: J,
    fallback: F,
}

/// A service behind a breaker.
#[derive(Debug, Clone)]
pub struct Guarded<S, J, F> {
    inner: S,
    breaker: Breaker,
    judge: J,
    fallback: F,
}

/// Why a guarded service gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BreakerError<E> {
    /// It was not called.
    #[error(transparent)]
    Open(BreakerOpen),
    /// It was called and failed.
    #[error(transparent)]
    Inner(E),
}

/// What to do instead of a call, while the breaker is open.
pub trait Fallback<Request, Answer, Error> {
    /// Answers, or says that there is none.
    fn instead(&self, request: Request, open: BreakerOpen) -> Result<Answer, BreakerError<Error>>;
}

/// Nothing is done instead of a call.
#[derive(Debug, Clone, Copy)]
pub struct NoFallback;

impl<B, E> BreakerLayer<fn(&Result<Response<B>, E>) -> CallResult> {
    /// For a service that answers with HTTP.
    pub fn http(breaker: Breaker) -> Self {
        Self::judged(breaker, |answer| match answer {
            Ok(answer) if !answer.status().is_server_error() => CallResult::Success,
            Ok(_) | Err(_) => CallResult::Failure,
        })
    }
}

impl<J> BreakerLayer<J> {
    /// For any service; `judge` says which of its results are failures.
    pub fn judged(breaker: Breaker, judge: J) -> Self {
        Self { breaker, judge, fallback: NoFallback }
    }

    /// What to do instead of a call: a function of the request and [`BreakerOpen`].
    #[must_use]
    pub fn fallback<F>(self, fallback: F) -> BreakerLayer<J, F> {
        BreakerLayer { breaker: self.breaker, judge: self.judge, fallback }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new(BreakerRules::default())
    }
}

impl<S, J: Clone, F: Clone> Layer<S> for BreakerLayer<J, F> {
    type Service = Guarded<S, J, F>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { breaker, judge, fallback } = self.clone();
        Guarded { inner, breaker, judge, fallback }
    }
}

impl<R, A, E> Fallback<R, A, E> for NoFallback {
    fn instead(&self, _: R, open: BreakerOpen) -> Result<A, BreakerError<E>> {
        Err(BreakerError::Open(open))
    }
}

impl<R, A, E, F: Fn(R, BreakerOpen) -> A> Fallback<R, A, E> for F {
    fn instead(&self, request: R, open: BreakerOpen) -> Result<A, BreakerError<E>> {
        Ok(self(request, open))
    }
}

impl<S, J, F, R> Service<R> for Guarded<S, J, F>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    J: Fn(&Result<S::Response, S::Error>) -> CallResult + Clone + Send + 'static,
    F: Fallback<R, S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = BreakerError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(BreakerError::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let call = match self.breaker.call() {
            Ok(call) => call,
            Err(open) => {
                let instead = self.fallback.instead(request, open);
                return Box::pin(std::future::ready(instead));
            }
        };
        let (answer, judge) = (self.inner.call(request), self.judge.clone());
        Box::pin(async move {
            let answer = answer.await;
            call.finish(judge(&answer));
            answer.map_err(BreakerError::Inner)
        })
    }
}

impl<E: IntoResponse> IntoResponse for BreakerError<E> {
    fn into_response(self) -> Answer {
        match self {
            Self::Open(open) => open.into_response(),
            Self::Inner(error) => error.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::StatusCode;
    use tower::{ServiceBuilder, ServiceExt as _, service_fn};

    use super::*;
    use crate::upstream::BreakerState;

    /// Answers with the status that it is asked for.
    async fn echo(status: u16) -> Result<Response<&'static str>, Infallible> {
        let mut response = Response::new("inner");
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Ok(response)
    }

    fn rules() -> BreakerRules {
        BreakerRules { least_calls: 2, ..BreakerRules::default() }
    }

    #[tokio::test]
    async fn server_errors_open_it_and_then_nothing_is_called() {
        let breaker = Breaker::new(rules());
        let layer = BreakerLayer::http(breaker.clone());
        let service = ServiceBuilder::new().layer(layer).service(service_fn(echo));
        for status in [404, 404, 500] {
            assert_eq!(service.clone().oneshot(status).await.unwrap().status(), status);
        }
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(matches!(service.oneshot(200).await, Err(BreakerError::Open(_))));
        assert_eq!(breaker.refused(), 1);
    }

    #[tokio::test]
    async fn a_fallback_answers_instead() {
        let breaker = Breaker::new(rules());
        let layer = BreakerLayer::http(breaker.clone()).fallback(|asked: u16, _open: BreakerOpen| {
            Response::new(if asked == 200 { "instead" } else { "-" })
        });
        let service = ServiceBuilder::new().layer(layer).service(service_fn(echo));
        for _ in 0..2 {
            service.clone().oneshot(500).await.unwrap();
        }
        assert_eq!(service.oneshot(200).await.unwrap().into_body(), "instead");
    }

    #[tokio::test]
    async fn a_call_whose_caller_leaves_says_nothing() {
        let breaker = Breaker::new(BreakerRules { least_calls: 1, ..rules() });
        let never = service_fn(|()| std::future::pending::<Result<Response<()>, Infallible>>());
        let service = ServiceBuilder::new().layer(BreakerLayer::http(breaker.clone())).service(never);
        let mut call = Box::pin(service.oneshot(()));
        assert!(futures::poll!(&mut call).is_pending());
        drop(call);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn as_an_answer_it_says_when_to_come_back() {
        let open = BreakerOpen { retry_after: std::time::Duration::from_millis(2500) };
        let response = BreakerError::<StatusCode>::Open(open).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &"3".parse().unwrap())
        );
    }
}
