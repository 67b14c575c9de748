//! Where a worker runs requests: those of its own connections and those that other workers hand to it.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use axum::body::Body;
use axum::routing::RouterIntoService;
use futures::FutureExt as _;
use http::{Request, Response, StatusCode};
use hyper::body::Body as _;
use tower::Service as _;

use super::gauge::{Gauge, Run};
use crate::admission::{Entry, Errand, Home, Job, Limiter, Marks, Permit, Rejection, WorkerId};
use crate::clock::Nanos;
use crate::connection::{Hall, Health, Outcome, Peer, Refusal};
use crate::context::Deadline;
use crate::core::Core;
use crate::fixed::{self, FixedAnswer};
use crate::intake::Intake;
use crate::settings::GrpcHealth;
use crate::upstream::FailedByBreaker;

/// A worker's share of the service.
#[derive(Debug)]
pub(crate) struct Desk {
    home: Home,
    hall: Rc<Hall>,
    intake: Intake,
    service: RouterIntoService<Body>,
    gauge: Gauge,
    fixed: Vec<FixedAnswer>,
    /// Answers gRPC's question for the server's health.
    health: Option<Health>,
    /// Running mean of the time for which a request keeps this thread from everything else.
    burst: Cell<Nanos>,
}

/// From this mean burst on, a request that was admitted first lets the sockets be read, so that what arrived
/// meanwhile can run in another worker.
const LONG_BURST: Nanos = Nanos(50_000);

/// What became of a call of the service.
struct Called {
    answer: Result<Response<Body>, Crashed>,
    ended: Nanos,
    /// The time for which it kept the thread, and in how many parts.
    burst: Nanos,
    polls: u32,
}

impl Desk {
    pub(crate) fn new(worker: WorkerId, core: &Core, hall: Rc<Hall>) -> Rc<Self> {
        let home = core.gate.home(worker);
        let limiter = core.settings.has_adaptive_limit().then(Limiter::default);
        let gauge = Gauge::new(home.clone(), core.settings.tightest_objective(), limiter);
        let intake = Intake::new(&core.settings.overload, Arc::clone(&core.watch));
        let service = core.router.clone().into_service();
        let fixed = core.settings.fixed.clone();
        let health = (core.settings.grpc_health == GrpcHealth::On).then(|| Health::new(core.stages()));
        Rc::new(Self { home, hall, intake, service, fixed, gauge, health, burst: Cell::default() })
    }

    /// The answers that need no handler, and no look at who asks.
    pub(crate) fn fixed(&self) -> &[FixedAnswer] {
        if self.intake.is_blind() { &self.fixed } else { &[] }
    }

    /// Why a request that nothing in its head tells from others is turned away just now, without being made.
    pub(crate) fn refuse_at_sight(&self) -> Option<Refusal> {
        let alike = self.intake.is_blind();
        alike.then(|| self.home.refuse_at_sight()).flatten().map(Refusal::Overloaded)
    }

    /// Such an answer was given: as if its request had held a slot from `since` to `until`.
    pub(crate) fn answered_fixed(&self, since: Nanos, until: Nanos) {
        self.home.pass(since, until);
        self.hall.record.ran(Nanos::default(), until - since);
        self.hall.record.responded(StatusCode::OK);
    }

    /// A request of one of this worker's connections, whose head was read at `arrived`.
    pub(crate) async fn serve(&self, mut request: Request<Body>, arrived: Nanos, peer: &Peer) -> Outcome {
        let marks = match self.intake.check(arrived, &request, peer) {
            Ok(marks) => marks,
            Err((marks, reason)) => {
                self.home.reject(marks, reason);
                return Err(Refusal::Overloaded(reason));
            }
        };
        if let Some(deadline) = marks.deadline.and_then(|deadline| self.hall.clock().instant(deadline)) {
            request.extensions_mut().insert(Deadline(deadline));
        }
        if let Some(response) = fixed::response(&self.fixed, &request) {
            self.answered_fixed(arrived, arrived);
            return Ok((response, None));
        }
        match self.home.enter(arrived, marks, &mut request) {
            Entry::Here(permit) => {
                let work = pin!(self.run(request, permit, Nanos::default()));
                self.until(marks, work).await.unwrap_or_else(|| self.expired())
            }
            Entry::Elsewhere(errand) => self.answer_of(errand, marks).await,
            Entry::Rejected(reason) => Err(Refusal::Overloaded(reason)),
        }
    }

    /// A request that came through the gate to this worker. Ends early when its client leaves.
    pub(crate) async fn run_job(self: Rc<Self>, job: Job, permit: Permit) {
        let Job { request, mut reply, waited } = job;
        let outcome = {
            let mut work = pin!(self.run(*request, permit, waited));
            poll_fn(|cx| match reply.poll_closed(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => work.as_mut().poll(cx).map(Some),
            })
            .await
        };
        if let Some(outcome) = outcome {
            // A client that leaves at this moment takes no answer.
            drop(reply.send(outcome));
        }
    }

    pub(crate) fn health(&self) -> Option<&Health> {
        self.health.as_ref()
    }

    /// A request whose head is against the rules.
    pub(crate) fn malformed(&self) {
        self.home.reject(Marks::default(), Rejection::Malformed);
    }

    /// The answer to a request that another worker runs or that waits.
    async fn answer_of(&self, mut errand: Errand, marks: Marks) -> Outcome {
        let replied = self.until(marks, Pin::new(&mut errand.reply)).await;
        match replied {
            Some(Ok(reply)) => reply,
            Some(Err(_ended)) => Err(Refusal::Crashed),
            None if errand.expire() => Err(Refusal::Overloaded(Rejection::DeadlineExpired)),
            None => self.expired(),
        }
    }

    /// The result of `work`, unless the request's deadline passes. Only a request that has one sets a timer.
    async fn until<F: Future>(&self, marks: Marks, mut work: Pin<&mut F>) -> Option<F::Output> {
        let Some(deadline) = marks.deadline else { return Some(work.await) };
        let left = deadline - self.hall.now();
        let mut alarm = Box::pin(tokio::time::sleep(left.into()));
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => alarm.as_mut().poll(cx).map(|()| None),
        })
        .await
    }

    /// The answer to a request whose deadline passed while it ran.
    fn expired(&self) -> Outcome {
        let refusal = Refusal::Overloaded(Rejection::DeadlineExpired);
        self.hall.record.responded(refusal.status());
        Err(refusal)
    }

    /// Runs an admitted request to its answer.
    async fn run(&self, request: Request<Body>, permit: Permit, waited: Nanos) -> Outcome {
        let admitted = permit.since();
        let mut started = admitted;
        if self.burst.get() > LONG_BURST {
            // Back after the runtime has polled its sockets.
            tokio::task::yield_now().await;
            started = self.hall.now();
        }
        let Called { answer, ended, burst, polls } = self.call(request, started).await;
        // Whole bodies need no more work; others are made while they are sent, and keep the slot.
        let streams = answer.as_ref().is_ok_and(|answer| answer.body().size_hint().exact().is_none());
        self.gauge.ran(Run { admitted, started, ended, burst, polls, streams });
        let rest = if streams {
            Some(permit)
        } else {
            permit.finish(ended);
            None
        };
        let record = &self.hall.record;
        record.ran(waited, ended - started);
        let response = answer.unwrap_or_else(|Crashed| Refusal::Crashed.response());
        if response.extensions().get::<FailedByBreaker>().is_some() {
            record.failed_by_breaker();
        } else {
            record.responded(response.status());
        }
        Ok((response, rest))
    }

    /// Calls the service, and watches how long it keeps the thread.
    async fn call(&self, request: Request<Body>, started: Nanos) -> Called {
        let call = async { self.service.clone().call(request).await };
        let mut call = pin!(AssertUnwindSafe(call).catch_unwind());
        let mut resumed = Some(started);
        let (mut burst, mut polls) = (Nanos::default(), 0);
        let (answer, ended) = poll_fn(|cx| {
            let from = resumed.take().unwrap_or_else(|| self.hall.now());
            let poll = call.as_mut().poll(cx);
            let until = self.hall.now();
            burst = burst + (until - from);
            polls += 1;
            poll.map(|done| (done, until))
        })
        .await;
        let mean = self.burst.get();
        self.burst.set(Nanos(mean.0 - mean.0 / 8 + burst.0 / 8));
        let answer = answer.map_err(|_| Crashed).map(|answer| answer.unwrap_or_else(|never| match never {}));
        Called { answer, ended, burst, polls }
    }
}

/// The handler panicked; what it said is on stderr.
#[derive(Debug)]
struct Crashed;
