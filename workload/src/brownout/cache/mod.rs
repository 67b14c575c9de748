//! Answers from a cache while freshness is given up, for routes that opt in.

mod store;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::header::{AGE, AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tower::{Layer, Service};

pub use store::CacheBounds;
use store::{Kept, Store};

use super::level::BrownoutLevel;

/// Keeps the answers of the routes it is put on, and gives them instead of calling the handler from
/// [`BrownoutLevel::Cached`] on. Kept are answers to GET with 200 that are the same for everybody: requests with
/// `Authorization` or `Cookie`, and answers with `Set-Cookie`, `Vary` or `Cache-Control: no-store`, `no-cache` or
/// `private` are left alone, and so is `no-store` in a request. Clones are the same cache.
#[derive(Debug, Clone)]
pub struct BrownoutCache {
    store: Arc<Mutex<Store>>,
}

/// A route whose answers are kept.
#[derive(Debug, Clone)]
pub struct WithBrownoutCache<S> {
    inner: S,
    cache: BrownoutCache,
}

impl BrownoutCache {
    /// An empty one.
    pub fn new(bounds: CacheBounds) -> Self {
        Self { store: Arc::new(Mutex::new(Store::new(bounds))) }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, key: &str) -> Option<Response<Body>> {
        let now = Instant::now();
        let Kept { status, headers, body, made } = self.store().get(key, now)?;
        let mut answer = Response::new(Body::from(body));
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        let age = now.saturating_duration_since(made).as_secs();
        answer.headers_mut().insert(AGE, HeaderValue::from(age));
        Some(answer)
    }

    /// Keeps the answer if it may be kept; returns it in any case.
    async fn keep(&self, key: String, answer: Response<Body>) -> Response<Body> {
        let most = self.store().bounds.entry_bytes as u64;
        let short = answer.body().size_hint().exact().is_some_and(|bytes| bytes <= most);
        if answer.status() != StatusCode::OK || !short || !is_for_everybody(answer.headers()) {
            return answer;
        }
        let (head, body) = answer.into_parts();
        let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            // As it would have been without a cache: the answer breaks off.
            let broken =
                futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("the body broke off")) });
            return Response::from_parts(head, Body::from_stream(broken));
        };
        let (status, headers) = (head.status, head.headers.clone());
        self.store().put(key, Kept { status, headers, body: body.clone(), made: Instant::now() });
        Response::from_parts(head, Body::from(body))
    }
}

impl<S> Layer<S> for BrownoutCache {
    type Service = WithBrownoutCache<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WithBrownoutCache { inner, cache: self.clone() }
    }
}

impl<S> Service<Request<Body>> for WithBrownoutCache<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(key) = key(&request) else { return Box::pin(self.inner.call(request)) };
        if BrownoutLevel::current() >= BrownoutLevel::Cached
            && let Some(answer) = self.cache.answer(&key)
        {
            return Box::pin(std::future::ready(Ok(answer)));
        }
        let (cache, answer) = (self.cache.clone(), self.inner.call(request));
        Box::pin(async move { Ok(cache.keep(key, answer.await?).await) })
    }
}

/// The name of a request's answer, if that may be kept.
fn key(request: &Request<Body>) -> Option<String> {
    let headers = request.headers();
    let personal = headers.contains_key(AUTHORIZATION) || headers.contains_key(COOKIE);
    let fit = request.method() == Method::GET && !personal && !says(headers, &["no-store"]);
    fit.then(|| request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned())
}

fn is_for_everybody(headers: &HeaderMap) -> bool {
    let personal = headers.contains_key(SET_COOKIE) || headers.contains_key(VARY);
    !personal && !says(headers, &["no-store", "no-cache", "private"])
}

/// Whether `Cache-Control` has one of these words.
fn says(headers: &HeaderMap, words: &[&str]) -> bool {
    let values =
        headers.get_all(CACHE_CONTROL).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    values
        .map(|value| value.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii())
        .any(|value| words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes())))
}

#[cfg(test)]
mod tests;
