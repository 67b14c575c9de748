//! What admission has counted.

use crate::clock::Nanos;
use crate::stats::Rejected;

/// Why an arrival was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The queue was full.
    QueueFull,
    /// It waited too long or would have.
    DelayBound,
    /// Its client was over its own rate.
    ClientLimit,
    /// More important requests needed the room.
    Priority,
    /// Its deadline had passed, or would have before it was done.
    DeadlineExpired,
    /// The client left before it was its turn.
    Abandoned,
    /// The head was against the rules or the limits.
    Malformed,
    /// There was no room, and the server was stopping.
    Draining,
}

/// Counts of admission at one moment. `arrivals == admitted + rejected.total() + queued` always.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) at: Nanos,
    pub(crate) arrivals: u64,
    pub(crate) retries: u64,
    pub(crate) admitted: u64,
    pub(crate) rejected: Rejected,
    pub(crate) queued: u64,
    pub(crate) in_flight: u64,
    pub(crate) queued_seconds: f64,
    pub(crate) in_flight_seconds: f64,
    /// Share of the slots occupied, integrated, for each worker; `None` unless slots are set.
    pub(crate) occupied_seconds: Option<Vec<f64>>,
    /// Requests that may run at the same time, if what was measured limits them.
    pub(crate) adaptive_limit: Option<u32>,
    /// The longest that a request may wait now.
    pub(crate) delay_bound: Nanos,
    pub(crate) overloaded: bool,
}

impl Rejection {
    pub(super) const COUNT: usize = 8;
    const ALL: [Self; Self::COUNT] = [
        Self::QueueFull,
        Self::DelayBound,
        Self::ClientLimit,
        Self::Priority,
        Self::DeadlineExpired,
        Self::Abandoned,
        Self::Malformed,
        Self::Draining,
    ];

    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// Adds counts by index.
    pub(super) fn add_all(counts: &[u64; Self::COUNT], rejected: &mut Rejected) {
        for (reason, count) in Self::ALL.into_iter().zip(counts) {
            *reason.counter(rejected) += count;
        }
    }

    fn counter(self, rejected: &mut Rejected) -> &mut u64 {
        match self {
            Self::QueueFull => &mut rejected.queue_full,
            Self::DelayBound => &mut rejected.delay_bound,
            Self::ClientLimit => &mut rejected.client_limit,
            Self::Priority => &mut rejected.priority,
            // Nobody waits for one that was abandoned any more: the same to the operator as a deadline that has passed.
            Self::DeadlineExpired | Self::Abandoned => &mut rejected.deadline_expired,
            Self::Malformed => &mut rejected.malformed,
            Self::Draining => &mut rejected.draining,
        }
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
        self.area(now) as f64 * 1e-9
    }

    pub(super) fn area(&self, now: Nanos) -> u128 {
        self.area + u128::from((now - self.changed).0) * u128::from(self.level)
    }

    fn set(&mut self, level: u64, now: Nanos) {
        self.area = self.area(now);
        self.changed = self.changed.max(now);
        self.level = level;
    }
}
