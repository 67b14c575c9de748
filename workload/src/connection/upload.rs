//! How far a request's body is, and how fast it comes. It may be read by a handler on another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::{Clock, Nanos};
use crate::settings::Limits;

/// How far a request's body is.
#[derive(Debug)]
pub(super) struct Upload {
    clock: Clock,
    /// Nanoseconds; since when the handler waits for the client's next part. [`u64::MAX`] while it does not.
    awaited_since: AtomicU64,
    /// Nanoseconds for which the handler has waited for parts that came. Only this counts: how fast a handler reads is
    /// not the client's doing.
    awaited_before: AtomicU64,
    /// Bytes that have come.
    bytes: AtomicU64,
    /// Whether the end was read.
    complete: AtomicBool,
}

/// How fast a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nobody waits for it.
    Unhindered,
    /// It is waited for.
    Slow,
    /// It has been waited for too long: for one part, or for the bytes that have come.
    TooSlow,
}

impl Upload {
    pub(super) fn begin(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            awaited_since: AtomicU64::new(Nanos::MAX.0),
            awaited_before: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            complete: AtomicBool::new(false),
        })
    }

    /// The handler waits for the next part.
    pub(super) fn awaited(&self) {
        if self.awaited_since().is_none() {
            self.awaited_since.store(self.clock.now().0, Relaxed);
        }
    }

    /// So many bytes have come in all.
    pub(super) fn progressed(&self, bytes: u64) {
        self.bytes.store(bytes, Relaxed);
        self.released();
    }

    pub(super) fn completed(&self) {
        self.released();
        self.complete.store(true, Relaxed);
    }

    /// The handler waits no more.
    pub(super) fn released(&self) {
        if let Some(since) = self.awaited_since() {
            let before = Nanos(self.awaited_before.load(Relaxed)) + (self.clock.now() - since);
            self.awaited_before.store(before.0, Relaxed);
            self.awaited_since.store(Nanos::MAX.0, Relaxed);
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Relaxed)
    }

    pub(super) fn pace(&self, now: Nanos, limits: &Limits) -> Pace {
        let Some(since) = self.awaited_since() else { return Pace::Unhindered };
        let awaited = Nanos(self.awaited_before.load(Relaxed)) + (now - since);
        let earned = earned(self.bytes.load(Relaxed), limits.body_rate);
        if now - since > limits.body_idle.into() || awaited > Nanos::from(limits.body_grace) + earned {
            Pace::TooSlow
        } else {
            Pace::Slow
        }
    }

    fn awaited_since(&self) -> Option<Nanos> {
        Some(Nanos(self.awaited_since.load(Relaxed))).filter(|since| *since != Nanos::MAX)
    }
}

/// The time that so many bytes may take at `rate` bytes a second; any at 0.
fn earned(bytes: u64, rate: u32) -> Nanos {
    if rate == 0 { Nanos::MAX } else { Duration::from_secs_f64(bytes as f64 / f64::from(rate)).into() }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECOND: Nanos = Nanos(1_000_000_000);

    fn limits() -> Limits {
        let second = Duration::from_secs(1);
        Limits { body_idle: 4 * second, body_grace: 10 * second, body_rate: 1000, ..Limits::default() }
    }

    fn seconds(seconds: u64) -> Nanos {
        Nanos(seconds * SECOND.0)
    }

    /// An upload that has so many bytes, was waited for so many seconds before, and is again since second 100.
    fn upload(bytes: u64, before: u64) -> Arc<Upload> {
        let upload = Upload::begin(Clock::start());
        upload.bytes.store(bytes, Relaxed);
        upload.awaited_before.store(seconds(before).0, Relaxed);
        upload.awaited_since.store(seconds(100).0, Relaxed);
        upload
    }

    #[rstest]
    #[case::beginning(0, 0, 104, Pace::Slow)]
    #[case::no_part_for_long(1_000_000, 0, 105, Pace::TooSlow)]
    #[case::grace(0, 7, 103, Pace::Slow)]
    #[case::trickle(100, 8, 103, Pace::TooSlow)]
    #[case::as_fast_as_it_must(1000, 8, 103, Pace::Slow)]
    #[case::just_too_slow(999, 8, 103, Pace::TooSlow)]
    #[case::large_and_long(90_000, 98, 101, Pace::Slow)]
    fn a_body_must_come_at_some_rate_after_a_while(
        #[case] bytes: u64,
        #[case] before: u64,
        #[case] now: u64,
        #[case] expected: Pace,
    ) {
        assert_eq!(upload(bytes, before).pace(seconds(now), &limits()), expected);
    }

    #[test]
    fn what_a_handler_does_not_wait_for_is_not_slow() {
        let upload = upload(0, 1000);
        upload.released();
        assert_eq!(upload.pace(seconds(2000), &limits()), Pace::Unhindered);
    }

    #[test]
    fn any_rate_will_do_at_zero() {
        let limits = Limits { body_rate: 0, ..limits() };
        assert_eq!(upload(0, 1000).pace(seconds(101), &limits), Pace::Slow);
    }

    #[test]
    fn waits_add_up() {
        let upload = Upload::begin(Clock::start());
        for bytes in 1..4 {
            upload.awaited();
            std::thread::yield_now();
            upload.progressed(bytes);
        }
        assert!(upload.awaited_before.load(Relaxed) > 0);
        assert_eq!((upload.bytes.load(Relaxed), upload.awaited_since()), (3, None));
    }
}
