//! The slots of one worker: taken and given back without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use super::meter::Meter;
use crate::clock::Nanos;

/// How many requests a worker runs and may run. On cache lines of its own, as its worker writes it for each request.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Lane {
    /// The limit in the upper half, the slots that are held in the lower: both are looked at in one step, so that
    /// a worker that gets nothing more really gets nothing more.
    slots: AtomicU64,
    pub(super) meter: Meter,
    /// Running mean of how long a slot is held.
    hold: AtomicU64,
    /// What 90 and 99 of 100 requests keep to in their handlers.
    most: AtomicU64,
    slow: AtomicU64,
}

/// What a worker holds and may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) held: u32,
    pub(crate) limit: u32,
}

impl Lane {
    /// Takes a slot if one is free.
    ///
    /// All accesses to slots are in one order with those to [`Notice`](super::notice::Notice): whoever gives a slot
    /// back sees that somebody waits, or whoever begins to wait sees the slot.
    pub(super) fn take(&self) -> bool {
        let mut seen = self.slots.load(SeqCst);
        while Slots::from(seen).are_free() {
            match self.slots.compare_exchange_weak(seen, seen + 1, SeqCst, SeqCst) {
                Ok(_) => return true,
                Err(changed) => seen = changed,
            }
        }
        false
    }

    /// Gives a slot back that was held for so long; returns what there was before.
    pub(super) fn give_back(&self, held: Nanos) -> Slots {
        let mean = self.hold.load(Relaxed);
        // One part in 32: the mean follows a change of the load within some dozens of requests. Two threads may do
        // this at the same time, and then one request is not in the mean.
        self.hold.store(if mean == 0 { held.0 } else { mean - mean / 32 + held.0 / 32 }, Relaxed);
        self.untake()
    }

    /// Gives a slot back in which nothing ran.
    pub(super) fn untake(&self) -> Slots {
        Slots::from(self.slots.fetch_sub(1, SeqCst))
    }

    pub(super) fn set_limit(&self, limit: u32) {
        let with = |slots: u64| u64::from(limit) << 32 | slots & u64::from(u32::MAX);
        let mut seen = self.slots.load(SeqCst);
        while let Err(changed) = self.slots.compare_exchange_weak(seen, with(seen), SeqCst, SeqCst) {
            seen = changed;
        }
    }

    pub(super) fn slots(&self) -> Slots {
        Slots::from(self.slots.load(SeqCst))
    }

    pub(super) fn mean_hold(&self) -> Nanos {
        Nanos(self.hold.load(Relaxed))
    }

    /// What 90 of 100 requests keep to in their handlers.
    pub(super) fn most(&self) -> Nanos {
        Nanos(self.most.load(Relaxed))
    }

    /// What 99 of 100 do.
    pub(super) fn slow(&self) -> Nanos {
        Nanos(self.slow.load(Relaxed))
    }

    pub(super) fn set_pace(&self, most: Nanos, slow: Nanos) {
        self.most.store(most.0, Relaxed);
        self.slow.store(slow.0, Relaxed);
    }
}

impl Slots {
    pub(crate) fn are_free(self) -> bool {
        self.held < self.limit
    }
}

impl From<u64> for Slots {
    fn from(both: u64) -> Self {
        Self { held: both as u32, limit: (both >> 32) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_held_as_the_limit_says() {
        let lane = Lane::default();
        assert!(!lane.take());
        lane.set_limit(2);
        assert_eq!([lane.take(), lane.take(), lane.take()], [true, true, false]);
        lane.set_limit(1);
        lane.untake();
        assert!(!lane.take(), "one more than the new limit is still held");
        lane.untake();
        assert!(lane.take());
        assert_eq!(lane.slots(), Slots { held: 1, limit: 1 });
    }

    #[test]
    fn the_mean_hold_begins_with_the_first_and_follows() {
        let lane = Lane::default();
        lane.set_limit(u32::MAX);
        assert!(lane.take() && lane.take());
        lane.give_back(Nanos(3200));
        assert_eq!(lane.mean_hold(), Nanos(3200));
        lane.give_back(Nanos(0));
        assert_eq!(lane.mean_hold(), Nanos(3100));
    }
}
