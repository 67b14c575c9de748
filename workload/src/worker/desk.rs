//! Where a worker runs requests: those of its own connections and those that other workers hand to it.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use axum::body::Body;
use axum::routing::RouterIntoService;
use futures::FutureExt as _;
use http::{Request, Response};
use hyper::body::Body as _;
use tower::Service as _;

use crate::admission::{Entry, Errand, Gate, Job, Permit, WorkerId};
use crate::clock::Nanos;
use crate::connection::{Hall, Outcome, Peer, Refusal};
use crate::upstream::FailedByBreaker;

/// A worker's share of the service.
#[derive(Debug)]
pub(crate) struct Desk {
    worker: WorkerId,
    gate: Arc<Gate>,
    hall: Rc<Hall>,
    service: RouterIntoService<Body>,
    /// Running mean of the time for which a request keeps this thread from everything else.
    burst: Cell<Nanos>,
}

/// From this mean burst on, a request that was admitted first lets the sockets be read, so that what arrived
/// meanwhile can run in another worker.
const LONG_BURST: Nanos = Nanos(50_000);

impl Desk {
    pub(crate) fn new(worker: WorkerId, gate: Arc<Gate>, hall: Rc<Hall>, router: axum::Router) -> Rc<Self> {
        let service = router.into_service();
        Rc::new(Self { worker, gate, hall, service, burst: Cell::default() })
    }

    /// A request of one of this worker's connections, whose head was read at `arrived`.
    pub(crate) async fn serve(&self, mut request: Request<Body>, arrived: Nanos, _peer: &Peer) -> Outcome {
        match self.gate.enter(arrived, self.worker, &mut request) {
            Entry::Here(permit) => self.run(request, permit, Nanos::default()).await,
            Entry::Elsewhere(errand) => answer_of(errand).await,
            Entry::Rejected(reason) => Err(Refusal::Overloaded(reason)),
        }
    }

    /// A request that came through the gate to this worker. Ends early when its client leaves.
    pub(crate) async fn run_job(self: Rc<Self>, job: Job, permit: Permit) {
        let Job { request, mut reply, waited } = job;
        let outcome = {
            let mut work = pin!(self.run(*request, permit, waited));
            poll_fn(|cx| match reply.poll_closed(cx) {
                std::task::Poll::Ready(()) => std::task::Poll::Ready(None),
                std::task::Poll::Pending => work.as_mut().poll(cx).map(Some),
            })
            .await
        };
        if let Some(outcome) = outcome {
            // A client that leaves at this moment takes no answer.
            drop(reply.send(outcome));
        }
    }

    /// A request whose head is against the rules.
    pub(crate) fn malformed(&self) {
        self.gate.enter_malformed();
    }

    /// Runs an admitted request to its answer.
    async fn run(&self, request: Request<Body>, permit: Permit, waited: Nanos) -> Outcome {
        let mut started = permit.since();
        if self.burst.get() > LONG_BURST {
            // Back after the runtime has polled its sockets.
            tokio::task::yield_now().await;
            started = self.hall.now();
        }
        let (response, ended) = self.call(request, started).await;
        // Whole bodies need no more work; others are made while they are sent, and keep the slot.
        let rest = match &response {
            Ok(response) if response.body().size_hint().exact().is_none() => Some(permit),
            _ => {
                permit.finish(ended);
                None
            }
        };
        let record = &self.hall.record;
        record.ran(waited, ended - started);
        let response = response.unwrap_or_else(|Crashed| Refusal::Crashed.response());
        if response.extensions().get::<FailedByBreaker>().is_some() {
            record.failed_by_breaker();
        } else {
            record.responded(response.status());
        }
        Ok((response, rest))
    }

    /// Calls the service, and watches how long it keeps the thread.
    async fn call(&self, request: Request<Body>, started: Nanos) -> (Result<Response<Body>, Crashed>, Nanos) {
        let call = async { self.service.clone().call(request).await };
        let mut call = pin!(AssertUnwindSafe(call).catch_unwind());
        let mut resumed = Some(started);
        let mut burst = Nanos::default();
        let done = poll_fn(|cx| {
            let from = resumed.take().unwrap_or_else(|| self.hall.now());
            let poll = call.as_mut().poll(cx);
            let until = self.hall.now();
            burst = burst + (until - from);
            poll.map(|done| (done, until))
        })
        .await;
        let mean = self.burst.get();
        self.burst.set(Nanos(mean.0 - mean.0 / 8 + burst.0 / 8));
        let (answer, ended) = done;
        (answer.map_err(|_| Crashed).map(|answer| answer.unwrap_or_else(|never| match never {})), ended)
    }
}

/// The handler panicked; what it said is on stderr.
#[derive(Debug)]
struct Crashed;

async fn answer_of(mut errand: Errand) -> Outcome {
    match (&mut errand.reply).await {
        Ok(reply) => reply,
        Err(_ended) => Err(Refusal::Crashed),
    }
}
