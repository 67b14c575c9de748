//! What everybody may know of the queue without its lock.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use super::class::Class;
use super::outlook::Outlook;
use crate::clock::Nanos;

/// Written under the lock of the queue, read by anyone.
#[derive(Debug, Default)]
pub(super) struct Notice {
    /// Whether a request waits, or is about to. In one order with the slots of all lanes.
    waiting: AtomicBool,
    stopping: AtomicBool,
    classes: [AtomicU32; Class::COUNT],
    length: AtomicU32,
    slots: AtomicU64,
    hold: AtomicU64,
    bound: AtomicU64,
}

impl Notice {
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(SeqCst)
    }

    pub(super) fn set_waiting(&self, waiting: bool) {
        self.waiting.store(waiting, SeqCst);
    }

    pub(super) fn publish(&self, outlook: &Outlook) {
        for (class, count) in self.classes.iter().zip(outlook.waiting) {
            class.store(count, Relaxed);
        }
        self.length.store(outlook.length, Relaxed);
        self.slots.store(outlook.slots, Relaxed);
        self.hold.store(outlook.hold.0, Relaxed);
        self.bound.store(outlook.bound.0, Relaxed);
        self.stopping.store(outlook.stopping, Relaxed);
    }

    /// The queue as it was a moment ago.
    pub(super) fn outlook(&self) -> Outlook {
        Outlook {
            waiting: std::array::from_fn(|class| self.classes[class].load(Relaxed)),
            length: self.length.load(Relaxed),
            slots: self.slots.load(Relaxed),
            hold: Nanos(self.hold.load(Relaxed)),
            bound: Nanos(self.bound.load(Relaxed)),
            stopping: self.stopping.load(Relaxed),
        }
    }
}
