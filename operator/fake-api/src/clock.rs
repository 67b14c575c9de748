//! The wall clock of the fake world: a fixed start plus what tokio's clock has run since.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Wall time that follows tokio's clock, so that a paused test has one time only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    base: Timestamp,
    start: Instant,
}

impl Clock {
    pub(crate) fn starting_at(base: Timestamp) -> Self {
        Self { base, start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let run = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.base.saturating_add(run).unwrap_or(Timestamp::MAX)
    }

    /// Now as `metadata` writes it: RFC 3339 with whole seconds.
    pub(crate) fn stamp(&self) -> String {
        Timestamp::from_second(self.now().as_second()).unwrap_or(Timestamp::MAX).to_string()
    }
}
