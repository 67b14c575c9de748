//! What admission has counted: changed only together with the state it describes, so every snapshot adds up.

use crate::clock::Nanos;
use crate::stats::Rejected;

/// Why an arrival was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The queue was full.
    QueueFull,
    /// It waited too long or would have.
    DelayBound,
    /// The client left before it was its turn.
    Abandoned,
    /// The head was against the rules or the limits.
    Malformed,
    /// There was no room, and the server was stopping.
    Draining,
}

/// Counters and integrals of admission. `arrivals == admitted + rejected.total() + queued` always.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) arrivals: u64,
    pub(crate) retries: u64,
    pub(crate) admitted: u64,
    pub(crate) rejected: Rejected,
    pub(crate) queued: Integral,
    pub(crate) in_flight: Integral,
}

impl Tally {
    pub(crate) fn reject(&mut self, reason: Rejection) {
        let rejected = &mut self.rejected;
        *match reason {
            Rejection::QueueFull => &mut rejected.queue_full,
            Rejection::DelayBound => &mut rejected.delay_bound,
            // Nobody waits for it any more: the same to the operator as a deadline that has passed.
            Rejection::Abandoned => &mut rejected.deadline_expired,
            Rejection::Malformed => &mut rejected.malformed,
            Rejection::Draining => &mut rejected.draining,
        } += 1;
    }
}

/// A level that changes at known times, and its integral over time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Integral {
    level: u64,
    changed: Nanos,
    /// Level times nanoseconds up to `changed`. Wide, because 1000 requests for half a year overflow 64 bits.
    area: u128,
}

impl Integral {
    pub(crate) fn level(&self) -> u64 {
        self.level
    }

    pub(crate) fn raise(&mut self, now: Nanos) {
        self.set(self.level + 1, now);
    }

    pub(crate) fn lower(&mut self, now: Nanos) {
        self.set(self.level.saturating_sub(1), now);
    }

    /// The integral up to `now`, in seconds.
    pub(crate) fn seconds(&self, now: Nanos) -> f64 {
        self.area_at(now) as f64 * 1e-9
    }

    fn set(&mut self, level: u64, now: Nanos) {
        self.area = self.area_at(now);
        self.changed = self.changed.max(now);
        self.level = level;
    }

    fn area_at(&self, now: Nanos) -> u128 {
        self.area + u128::from((now - self.changed).0) * u128::from(self.level)
    }
}
