//! What goes along with a request through everything it causes: its name, its place in a trace, its deadline.

mod deadline;
mod layer;
pub(crate) mod trace;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, StatusCode};

pub(crate) use deadline::Deadline;
pub use layer::{RequestContextLayer, WithRequestContext};

/// The name of a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer names of clients are replaced.
const LONGEST_ID: usize = 128;

/// What goes along with a request. Clones are cheap. [`RequestContextLayer`] makes it; handlers get it as an extractor,
/// and whoever is called by one asks for [`RequestContext::current`].
#[derive(Debug, Clone)]
pub struct RequestContext {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: HeaderValue,
    traceparent: Option<HeaderValue>,
    tracestate: Option<HeaderValue>,
    deadline: Option<Instant>,
}

thread_local! {
    /// That of the request whose handler is polled on this thread.
    static CURRENT: RefCell<Option<RequestContext>> = const { RefCell::new(None) };
}

impl RequestContext {
    /// That of a request with these headers, which was read at `arrived`.
    pub fn new(headers: &HeaderMap, arrived: Instant) -> Self {
        Self::with_deadline(headers, deadline::of(headers, arrived))
    }

    /// That of a request that has just been handed over.
    fn of<B>(request: &Request<B>) -> Self {
        let known = request.extensions().get::<Deadline>().map(|deadline| deadline.0);
        let deadline = known.or_else(|| deadline::of(request.headers(), Instant::now()));
        Self::with_deadline(request.headers(), deadline)
    }

    fn with_deadline(headers: &HeaderMap, deadline: Option<Instant>) -> Self {
        let traceparent = headers.get(trace::PARENT).filter(|parent| trace::is_valid(parent.as_bytes()));
        let shared = Shared {
            id: request_id(headers),
            // A state without its parent means nothing.
            tracestate: traceparent.and_then(|_| headers.get(trace::STATE)).cloned(),
            traceparent: traceparent.cloned(),
            deadline,
        };
        Self { shared: Arc::new(shared) }
    }

    /// That of the request whose handler is running, where [`RequestContextLayer`] is used.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Its name: the client's `X-Request-ID` if that is at most 128 visible ASCII characters, else one of ours.
    pub fn id(&self) -> &str {
        self.shared.id.to_str().unwrap_or_default()
    }

    /// Its place in a trace, as W3C Trace Context writes it.
    pub fn traceparent(&self) -> Option<&str> {
        self.shared.traceparent.as_ref()?.to_str().ok()
    }

    /// When nobody waits for the answer any more.
    pub fn deadline(&self) -> Option<Instant> {
        self.shared.deadline
    }

    /// The time left to the deadline; zero if it has passed.
    pub fn remaining(&self) -> Option<Duration> {
        self.shared.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Puts all of it into the headers of a request that is made for this one.
    pub fn pass_on(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.shared.id.clone());
        if let Some(parent) = &self.shared.traceparent {
            headers.insert(trace::PARENT, parent.clone());
        }
        if let Some(state) = &self.shared.tracestate {
            headers.insert(trace::STATE, state.clone());
        }
        if let Some(remaining) = self.remaining() {
            let grpc = headers
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
            let (name, value) =
                if grpc { deadline::as_grpc(remaining) } else { deadline::as_time(remaining) };
            headers.insert(name, value);
        }
    }

    pub(crate) fn id_value(&self) -> &HeaderValue {
        &self.shared.id
    }

    /// Runs `act` as part of this request.
    fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        /// Gives the thread back to whom it was taken from, even if `act` panics.
        struct Restore(Option<RequestContext>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        act()
    }
}

/// The server has no [`RequestContextLayer`]: a name made here would not be the one in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRequestContext;

impl axum::response::IntoResponse for NoRequestContext {
    fn into_response(self) -> axum::response::Response {
        let text = "RequestContext needs .layer(RequestContextLayer) on the Router\n";
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = NoRequestContext;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or(NoRequestContext)
    }
}

/// The name of a request with these headers: the client's, if it is fit, or one of ours.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    headers.get(REQUEST_ID).filter(|id| is_fit(id)).cloned().unwrap_or_else(new_id)
}

fn is_fit(id: &HeaderValue) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// A name that no other request has had, as far as 64 random bits can tell.
fn new_id() -> HeaderValue {
    static BASE: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // An odd factor: all 2^64 names come before the first comes again.
    let number = NEXT.fetch_add(1, Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let id = BASE.get_or_init(rand::random).wrapping_add(number);
    HeaderValue::from_str(&format!("{id:016x}")).unwrap_or(HeaderValue::from_static("unnamed"))
}

#[cfg(test)]
mod tests;
