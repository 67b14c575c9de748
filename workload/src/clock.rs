//! The process's monotonic clock: every time in this crate is a [`Nanos`] since the server was built, so that the
//! admission rules can be tested with invented times.

use std::ops::{Add, Sub};
use std::time::{Duration, Instant};

/// Nanoseconds: a moment since the clock started, or a span between two such moments. Subtraction stops at zero,
/// because threads read the clock before they take a lock and may arrive in another order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(pub(crate) u64);

/// Where [`Nanos`] count from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The moment on the system's own clock.
    pub(crate) fn instant(self, moment: Nanos) -> Option<Instant> {
        self.started.checked_add(moment.into())
    }

    pub(crate) fn now(self) -> Nanos {
        let passed = self.started.elapsed();
        // Not through 128 bits: every request asks twice.
        Nanos(passed.as_secs() * 1_000_000_000 + u64::from(passed.subsec_nanos()))
    }
}

impl Nanos {
    /// Longer than any process lives.
    pub(crate) const MAX: Self = Self(u64::MAX);

    /// So many times this span, at most [`Nanos::MAX`].
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor) as u64)
    }

    pub(crate) fn micros(self) -> u64 {
        self.0 / 1000
    }
}

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for Duration {
    fn from(span: Nanos) -> Self {
        Self::from_nanos(span.0)
    }
}

impl Add for Nanos {
    type Output = Self;

    fn add(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Nanos {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}
