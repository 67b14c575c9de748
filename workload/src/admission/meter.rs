//! One worker's counts, written by that worker's thread without a lock and read as a whole by any other.
//!
//! A sequence lock made of atomics: a change makes the version odd, then even again; a reader takes what it has read
//! only if the version was even and stayed the same.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::thread;

use super::tally::Rejection;
use crate::clock::Nanos;

/// The counts. Only one thread at a time may change them.
#[derive(Debug, Default)]
pub(super) struct Meter {
    version: AtomicU64,
    admitted: AtomicU64,
    finished: AtomicU64,
    retries: AtomicU64,
    rejected: [AtomicU64; Rejection::COUNT],
    /// Sum of the times at which what runs was admitted, modulo 2^64.
    starts: AtomicU64,
    /// Sum of the durations of what has finished: 1000 requests for half a year overflow 64 bits.
    area: AtomicU64,
    area_high: AtomicU64,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    pub(super) admitted: u64,
    pub(super) finished: u64,
    pub(super) retries: u64,
    pub(super) rejected: [u64; Rejection::COUNT],
    starts: u64,
    area: u128,
}

impl Meter {
    /// A request was admitted to run here from `now` on.
    pub(super) fn admit(&self, now: Nanos) {
        self.change(|| {
            add(&self.admitted, 1);
            add(&self.starts, now.0);
        });
    }

    /// What was admitted at `since` is done.
    pub(super) fn finish(&self, since: Nanos, now: Nanos) {
        self.change(|| {
            add(&self.finished, 1);
            add(&self.starts, since.0.wrapping_neg());
            self.add_area(now - since);
        });
    }

    /// What began at `since` is done, all in one.
    pub(super) fn pass(&self, since: Nanos, now: Nanos) {
        self.change(|| {
            add(&self.admitted, 1);
            add(&self.finished, 1);
            self.add_area(now - since);
        });
    }

    fn add_area(&self, duration: Nanos) {
        let (area, carry) = self.area.load(Ordering::Relaxed).overflowing_add(duration.0);
        self.area.store(area, Ordering::Relaxed);
        if carry {
            add(&self.area_high, 1);
        }
    }

    pub(super) fn reject(&self, reason: Rejection) {
        self.change(|| add(&self.rejected[reason.index()], 1));
    }

    /// An arrival was marked as a retry.
    pub(super) fn retry(&self) {
        self.change(|| add(&self.retries, 1));
    }

    /// All counts as they were at one moment.
    pub(super) fn read(&self) -> Reading {
        for attempt in 1u32.. {
            let before = self.version.load(Ordering::Acquire);
            let reading = self.load();
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return reading;
            }
            // The writer may have lost its CPU in the middle of a change.
            if attempt.is_multiple_of(64) {
                thread::yield_now();
            }
            hint::spin_loop();
        }
        Reading::default()
    }

    fn change(&self, change: impl FnOnce()) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        change();
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    fn load(&self) -> Reading {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Reading {
            admitted: of(&self.admitted),
            finished: of(&self.finished),
            retries: of(&self.retries),
            rejected: std::array::from_fn(|reason| of(&self.rejected[reason])),
            starts: of(&self.starts),
            area: u128::from(of(&self.area_high)) << 64 | u128::from(of(&self.area)),
        }
    }
}

/// Cheaper than one step that no other thread can interrupt: no other thread writes.
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

impl Reading {
    pub(super) fn running(&self) -> u64 {
        self.admitted - self.finished
    }

    /// The integral of what ran, up to `now`, in request-nanoseconds. `now` is later than all that was read.
    pub(super) fn area(&self, now: Nanos) -> u128 {
        // Each product may overflow, their difference does not.
        let running = self.running().wrapping_mul(now.0).wrapping_sub(self.starts);
        self.area + u128::from(running)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn the_integral_counts_what_has_ended_and_what_runs() {
        let meter = Meter::default();
        meter.admit(Nanos(10));
        meter.admit(Nanos(20));
        meter.finish(Nanos(10), Nanos(50));
        meter.pass(Nanos(30), Nanos(33));
        assert_eq!((meter.read().running(), meter.read().area(Nanos(100))), (1, 40 + 80 + 3));
    }

    #[test]
    fn sums_beyond_64_bits_are_exact() {
        let meter = Meter::default();
        let long = u64::MAX / 2;
        for _ in 0..3 {
            meter.admit(Nanos(long));
            meter.admit(Nanos(0));
            meter.finish(Nanos(0), Nanos(long));
        }
        assert_eq!(meter.read().area(Nanos(long + 7)), 3 * u128::from(long) + 3 * 7);
    }

    #[test]
    fn a_reader_never_sees_half_a_change() {
        let (meter, ended) = (Meter::default(), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                for now in 0..200_000 {
                    meter.admit(Nanos(now));
                    meter.finish(Nanos(now), Nanos(now + 3));
                }
                ended.store(true, Ordering::Relaxed);
            });
            while !ended.load(Ordering::Relaxed) {
                let reading = meter.read();
                // At the time of the start of what runs, it has not run yet.
                let now = Nanos(reading.finished);
                assert_eq!(reading.area(now), u128::from(reading.finished) * 3);
            }
        });
    }
}
