//! How much of the service is given up, and how handlers ask.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

/// How much of the service is given up so that the rest goes on. Each level has those before it in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BrownoutLevel {
    /// Nothing.
    #[default]
    Full,
    /// What an answer is correct without: samples of traces, recommendations, prefetching.
    NoExtras,
    /// Freshness, where a route allows it: answers come from a cache.
    Cached,
    /// Everything: 503 with `Retry-After`.
    Refuse,
}

/// The level of one server.
#[derive(Debug, Default)]
pub(crate) struct Dial {
    level: AtomicU8,
    /// Requests refused at the last level.
    refused: AtomicU64,
}

thread_local! {
    /// That of the server whose worker this thread is.
    static DIAL: RefCell<Option<Arc<Dial>>> = const { RefCell::new(None) };
}

impl BrownoutLevel {
    /// All of them, rising.
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::NoExtras, Self::Cached, Self::Refuse];

    /// That of the server whose handler asks; [`Full`](Self::Full) outside of a server.
    pub fn current() -> Self {
        DIAL.with_borrow(|dial| dial.as_ref().map_or(Self::Full, |dial| dial.level()))
    }

    /// The one before it.
    pub(super) fn below(self) -> Self {
        Self::ALL[(self as usize).saturating_sub(1)]
    }
}

impl Dial {
    pub(crate) fn level(&self) -> BrownoutLevel {
        BrownoutLevel::ALL[usize::from(self.level.load(Relaxed)).min(3)]
    }

    pub(super) fn set(&self, level: BrownoutLevel) {
        self.level.store(level as u8, Relaxed);
    }

    /// Requests refused at the last level.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn refuses(&self) -> bool {
        let refuses = self.level() == BrownoutLevel::Refuse;
        if refuses {
            self.refused.fetch_add(1, Relaxed);
        }
        refuses
    }

    /// Makes this thread one of that server.
    pub(crate) fn enter(self: &Arc<Self>) {
        DIAL.set(Some(Arc::clone(self)));
    }
}

/// Whether a request that came to this thread is refused; it counts then.
pub(crate) fn refuses() -> bool {
    DIAL.with_borrow(|dial| dial.as_ref().is_some_and(|dial| dial.refuses()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_the_level_of_its_server() {
        assert_eq!(BrownoutLevel::current(), BrownoutLevel::Full);
        let dial = Arc::new(Dial::default());
        dial.enter();
        for level in BrownoutLevel::ALL {
            dial.set(level);
            assert_eq!(BrownoutLevel::current(), level);
            assert_eq!(refuses(), level == BrownoutLevel::Refuse);
        }
        assert_eq!(dial.refused(), 1);
        assert_eq!(BrownoutLevel::Full.below(), BrownoutLevel::Full);
        assert_eq!(BrownoutLevel::Refuse.below(), BrownoutLevel::Cached);
    }
}
