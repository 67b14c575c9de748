//! The time of day, read so that it never goes backwards.

use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that was set once and then runs by the monotonic clock: decisions rely on time not going backwards.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    set_to: Timestamp,
    at: Instant,
}

impl Clock {
    /// A clock set to the system's time.
    pub fn set() -> Self {
        Self { set_to: Timestamp::now(), at: Instant::now() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.set_to + self.at.elapsed()
    }
}
