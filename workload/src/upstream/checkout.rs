//! Who has a connection of a pool at the moment, and for how long already.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The counts of one pool.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Connections open now.
    pub(super) open: AtomicU64,
    /// Connections opened since the start.
    pub(super) opened: AtomicU64,
    /// By number, since when.
    in_use: Mutex<HashMap<u64, Instant>>,
    next: AtomicU64,
}

/// The use of a connection for one request, to the end of its answer.
#[derive(Debug)]
pub(super) struct Checkout {
    counts: Arc<Counts>,
    number: u64,
}

impl Counts {
    pub(super) fn check_out(self: &Arc<Self>, now: Instant) -> Checkout {
        let number = self.next.fetch_add(1, Relaxed);
        self.in_use().insert(number, now);
        Checkout { counts: Arc::clone(self), number }
    }

    /// How many are in use, and how many of them for longer than `leaked_after`: answers that somebody keeps and does
    /// not read.
    pub(super) fn used(&self, now: Instant, leaked_after: Duration) -> (usize, usize) {
        let in_use = self.in_use();
        let leaked =
            in_use.values().filter(|since| now.saturating_duration_since(**since) > leaked_after).count();
        (in_use.len(), leaked)
    }

    fn in_use(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.counts.in_use().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_too_long_has_leaked_until_it_is_given_back() {
        let counts = Arc::new(Counts::default());
        let start = Instant::now();
        let late = |seconds| start + Duration::from_secs(seconds);
        let first = counts.check_out(start);
        let _second = counts.check_out(late(30));
        assert_eq!(counts.used(late(60), Duration::from_secs(60)), (2, 0));
        assert_eq!(counts.used(late(61), Duration::from_secs(60)), (2, 1));
        drop(first);
        assert_eq!(counts.used(late(61), Duration::from_secs(60)), (1, 0));
    }
}
