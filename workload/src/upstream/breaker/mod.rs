//! A circuit breaker: what fails anyway is not called for a while. It spares the caller the wait and gives the other
//! side time to recover.

mod layer;
mod machine;

use std::fmt::{self, Formatter};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

pub use layer::{BreakerError, BreakerLayer, Fallback, Guarded, NoFallback};
pub use machine::{BreakerRules, BreakerState, CallResult};

use self::machine::{Machine, Pass};
use super::registry;
use crate::clock::Clock;

/// A circuit breaker, shared by all who call the same thing: clones are the same breaker.
#[derive(Clone)]
pub struct Breaker {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    /// In the metrics, if it is there.
    pub(super) name: Option<String>,
    clock: Clock,
    machine: Mutex<Machine>,
    refused: AtomicU64,
}

/// The breaker is open. As an answer it is 503 with `Retry-After`, and counts as `rejected.breaker` in `/stats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not called: it has failed too often of late; try again in {retry_after:?}")]
pub struct BreakerOpen {
    /// When it may be tried again; zero: when those that try now are done.
    pub retry_after: Duration,
}

/// Marks the answer to a request that failed because of an open breaker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedByBreaker;

/// A call that goes through. If it is dropped without a result, its caller has lost interest.
#[derive(Debug)]
pub struct Call {
    breaker: Breaker,
    pass: Pass,
    result: CallResult,
}

impl Breaker {
    /// A closed one.
    pub fn new(rules: BreakerRules) -> Self {
        Self { shared: Arc::new(Shared::new(None, rules)) }
    }

    /// A closed one that is in the metrics under that name.
    pub fn named(name: impl Into<String>, rules: BreakerRules) -> Self {
        let shared = Arc::new(Shared::new(Some(name.into()), rules));
        registry::add_breaker(&shared);
        Self { shared }
    }

    /// Begins a call, if calls go through.
    pub fn call(&self) -> Result<Call, BreakerOpen> {
        let now = self.shared.clock.now();
        match self.shared.with(|machine| machine.ask(now)) {
            Ok(pass) => Ok(Call { breaker: self.clone(), pass, result: CallResult::Unknown }),
            Err(refused) => {
                self.shared.refused.fetch_add(1, Relaxed);
                Err(BreakerOpen { retry_after: refused.retry_after.into() })
            }
        }
    }

    /// What it is doing.
    pub fn state(&self) -> BreakerState {
        self.shared.state()
    }

    /// Calls that did not go through since the start.
    pub fn refused(&self) -> u64 {
        self.shared.refused()
    }
}

impl Shared {
    fn new(name: Option<String>, rules: BreakerRules) -> Self {
        let machine = Mutex::new(Machine::new(rules));
        Self { name, clock: Clock::start(), machine, refused: AtomicU64::new(0) }
    }

    pub(super) fn state(&self) -> BreakerState {
        let now = self.clock.now();
        self.with(|machine| machine.state(now))
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        act(&mut self.machine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Call {
    /// Tells what became of it.
    pub fn finish(mut self, result: CallResult) {
        self.result = result;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let now = self.breaker.shared.clock.now();
        self.breaker.shared.with(|machine| machine.tell(now, self.pass, self.result));
    }
}

impl IntoResponse for BreakerOpen {
    fn into_response(self) -> Response {
        let seconds = self.retry_after.as_secs_f64().ceil().max(1.0) as u64;
        let mut response =
            (StatusCode::SERVICE_UNAVAILABLE, "something this needs is failing\n").into_response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        response.extensions_mut().insert(FailedByBreaker);
        response
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.name)
            .field("state", &self.state())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}
