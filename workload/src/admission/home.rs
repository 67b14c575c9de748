//! A worker's own way through admission, and the right to run one request.

use std::sync::Arc;

use axum::body::Body;
use http::Request;

use super::class::Class;
use super::gate::{Admitted, Entry, Gate};
use super::lane::{Lane, Slots};
use super::machine::{Marks, WorkerId};
use super::tally::Rejection;
use crate::clock::Nanos;

/// One worker's slots and counts. Used by that worker's thread alone, but for reading.
#[derive(Debug, Clone)]
pub(crate) struct Home(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gate: Arc<Gate>,
    worker: WorkerId,
    lane: Arc<Lane>,
}

/// The right to run one request in one worker; the slot is free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    holder: Holder,
    since: Nanos,
    /// When it was done, if that is known; else when the permit is dropped.
    until: Option<Nanos>,
}

#[derive(Debug)]
enum Holder {
    /// The worker that read the request. Such a permit never leaves that worker's thread: neither does the connection
    /// while it has a request.
    Home(Home),
    /// A worker that was sent the request.
    Sent(Arc<Gate>, WorkerId),
}

impl Home {
    pub(super) fn new(gate: Arc<Gate>, worker: WorkerId, lane: Arc<Lane>) -> Self {
        Self(Arc::new(Inner { gate, worker, lane }))
    }

    /// A request whose head was read at `now` in this worker. Unless it may run here, it is taken away.
    pub(crate) fn enter(&self, now: Nanos, marks: Marks, request: &mut Request<Body>) -> Entry {
        let Inner { gate, worker, lane } = &*self.0;
        if marks.retry {
            lane.meter.retry();
        }
        if gate.notice.is_waiting() {
            if let Some(reason) = gate.notice.outlook().refuses(marks.class) {
                return Entry::Rejected(self.count(reason));
            }
        } else if lane.take() {
            return Entry::Here(self.permit(now));
        }
        match gate.enter(now, *worker, marks, request) {
            Admitted::Here => Entry::Here(self.permit(now)),
            Admitted::Elsewhere(errand) => Entry::Elsewhere(errand),
            Admitted::Rejected(reason) => Entry::Rejected(reason),
        }
    }

    /// Why any request without distinction is turned away just now, as far as one can tell without the lock; counted.
    pub(crate) fn refuse_at_sight(&self) -> Option<Rejection> {
        let notice = &self.0.gate.notice;
        let reason = notice.is_waiting().then(|| notice.outlook().refuses(Class::Normal)).flatten();
        reason.map(|reason| self.count(reason))
    }

    /// A request was answered here without a slot.
    pub(crate) fn pass(&self, since: Nanos, until: Nanos) {
        self.0.lane.meter.pass(since, until);
    }

    /// A request is turned away without a look at the slots.
    pub(crate) fn reject(&self, marks: Marks, reason: Rejection) {
        if marks.retry {
            self.0.lane.meter.retry();
        }
        self.count(reason);
    }

    /// What runs here and may.
    pub(crate) fn slots(&self) -> Slots {
        self.0.lane.slots()
    }

    /// The running mean of how long a slot is held here.
    pub(crate) fn mean_hold(&self) -> Nanos {
        self.0.lane.mean_hold()
    }

    /// Says what 90 and 99 of 100 requests keep to in their handlers.
    pub(crate) fn set_pace(&self, most: Nanos, slow: Nanos) {
        self.0.lane.set_pace(most, slow);
    }

    /// So many requests may run here, or as many as there are slots.
    pub(crate) fn set_limit(&self, now: Nanos, limit: u32) {
        if self.slots().limit != limit {
            self.0.gate.limit(now, self.0.worker, limit);
        }
    }

    fn count(&self, reason: Rejection) -> Rejection {
        self.0.lane.meter.reject(reason);
        reason
    }

    fn permit(&self, since: Nanos) -> Permit {
        self.0.lane.meter.admit(since);
        Permit { holder: Holder::Home(self.clone()), since, until: None }
    }

    fn release(&self, since: Nanos, now: Nanos) {
        let Inner { gate, worker, lane } = &*self.0;
        lane.meter.finish(since, now);
        lane.give_back(now - since);
        if gate.notice.is_waiting() {
            gate.follow(now, *worker);
        }
    }
}

impl Permit {
    pub(super) fn sent(gate: Arc<Gate>, worker: WorkerId, since: Nanos) -> Self {
        Self { holder: Holder::Sent(gate, worker), since, until: None }
    }

    /// Since when the slot is held.
    pub(crate) fn since(&self) -> Nanos {
        self.since
    }

    /// Gives the slot back as of `now`, which saves a look at the clock.
    pub(crate) fn finish(mut self, now: Nanos) {
        self.until = Some(now);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match &self.holder {
            Holder::Home(home) => {
                let now = self.until.unwrap_or_else(|| home.0.gate.clock.now());
                home.release(self.since, now);
            }
            Holder::Sent(gate, worker) => {
                let now = self.until.unwrap_or_else(|| gate.clock.now());
                gate.release(now, *worker, now - self.since);
            }
        }
    }
}
