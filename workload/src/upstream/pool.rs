//! A pool of HTTP/1.1 connections to other services, with bounds on how long they idle and live, and an eye on who does
//! not give them back.
//!
//! Each thread has its own: a connection is driven by the runtime that made it, and one of another worker would die
//! with that worker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::{IntoResponse, Response as Answer};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

use super::checkout::{Checkout, Counts};
use super::connection::{Connector, Made};
use super::registry;

/// Bounds of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// How long a connection may be unused. Below the other side's own limit, or requests meet a connection that is
    /// just being closed. Default: 30 s.
    pub idle: Duration,
    /// The age from which a connection is not used again, so that new pods of the other service get their share.
    /// Default: 5 min.
    pub lifetime: Duration,
    /// Unused connections that each worker keeps to one host. Default: 32.
    pub idle_per_worker: usize,
    /// How long connecting may take. Default: 1 s.
    pub connect: Duration,
    /// How long a connection may be in use before it counts as leaked. Default: 60 s.
    pub leaked_after: Duration,
}

/// A service that sends requests with whole URIs (`http://HOST/PATH`). Clones are the same pool.
#[derive(Debug, Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    number: u64,
    pub(super) name: String,
    settings: PoolSettings,
    counts: Arc<Counts>,
}

/// A request that got no answer. As an answer it is 502.
#[derive(Debug, thiserror::Error)]
#[error("no answer from upstream: {0}")]
pub struct PoolError(#[from] Error);

/// The body of an answer; its connection is in use until it is read or dropped.
#[derive(Debug)]
pub struct PooledBody {
    body: Incoming,
    checkout: Option<Checkout>,
}

type Sender = Client<Connector, Body>;

thread_local! {
    /// This thread's connections, by the number of their pool.
    static SENDERS: RefCell<HashMap<u64, (Weak<Shared>, Sender)>> = RefCell::default();
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            lifetime: Duration::from_mins(5),
            idle_per_worker: 32,
            connect: Duration::from_secs(1),
            leaked_after: Duration::from_mins(1),
        }
    }
}

impl Pool {
    /// An empty one; `name` is its label in the metrics.
    pub fn new(name: impl Into<String>, settings: PoolSettings) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let (number, name) = (NUMBERS.fetch_add(1, Relaxed), name.into());
        let shared = Arc::new(Shared { number, name, settings, counts: Arc::default() });
        registry::add_pool(&shared);
        Self { shared }
    }

    /// Connections in use, over all workers.
    pub fn in_use(&self) -> usize {
        self.shared.used().0
    }

    /// Those of them that are in use for longer than [`PoolSettings::leaked_after`].
    pub fn leaked(&self) -> usize {
        self.shared.used().1
    }

    /// Connections opened since the start.
    pub fn opened(&self) -> u64 {
        self.shared.opened()
    }

    /// This thread's part of the pool.
    fn sender(&self) -> Sender {
        SENDERS.with_borrow_mut(|senders| {
            if let Some((_, sender)) = senders.get(&self.shared.number) {
                return sender.clone();
            }
            senders.retain(|_, (pool, _)| pool.strong_count() > 0);
            let sender = self.shared.sender();
            senders.insert(self.shared.number, (Arc::downgrade(&self.shared), sender.clone()));
            sender
        })
    }
}

impl Shared {
    fn sender(&self) -> Sender {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.set_connect_timeout(Some(self.settings.connect));
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.settings.idle)
            .pool_max_idle_per_host(self.settings.idle_per_worker)
            .build(Connector { http, counts: Arc::clone(&self.counts) })
    }

    pub(super) fn used(&self) -> (usize, usize) {
        self.counts.used(Instant::now(), self.settings.leaked_after)
    }

    pub(super) fn open(&self) -> u64 {
        self.counts.open.load(Relaxed)
    }

    pub(super) fn opened(&self) -> u64 {
        self.counts.opened.load(Relaxed)
    }
}

impl Service<Request<Body>> for Pool {
    type Response = Response<PooledBody>;
    type Error = PoolError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let connection = capture_connection(&mut request);
        let lifetime = self.shared.settings.lifetime;
        let checkout = self.shared.counts.check_out(Instant::now());
        let answer = self.sender().request(request);
        Box::pin(async move {
            let answer = answer.await?;
            let made = answer.extensions().get::<Made>();
            if made.is_some_and(|made| made.0.elapsed() >= lifetime)
                && let Some(connection) = &*connection.connection_metadata()
            {
                // Its answer is still read; then it is closed.
                connection.poison();
            }
            Ok(answer.map(|body| PooledBody { checkout: (!body.is_end_stream()).then_some(checkout), body }))
        })
    }
}

impl HttpBody for PooledBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) || self.body.is_end_stream() {
            self.checkout = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl IntoResponse for PoolError {
    fn into_response(self) -> Answer {
        (StatusCode::BAD_GATEWAY, "something this needs did not answer\n").into_response()
    }
}

#[cfg(test)]
mod tests;
