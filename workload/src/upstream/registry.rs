//! The pools and breakers of this process, for its metrics. They are made before the server that uses them, and by who
//! does not know it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::breaker::{BreakerState, Shared as Breaker};
use super::pool::Shared as Pool;

/// What can be seen of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Pool { name: String, open: u64, opened: u64, in_use: usize, leaked: usize },
    Breaker { name: String, state: BreakerState, refused: u64 },
}

#[derive(Debug)]
enum Entry {
    Pool(Weak<Pool>),
    Breaker(Weak<Breaker>),
}

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

pub(super) fn add_pool(pool: &Arc<Pool>) {
    add(Entry::Pool(Arc::downgrade(pool)));
}

pub(super) fn add_breaker(breaker: &Arc<Breaker>) {
    add(Entry::Breaker(Arc::downgrade(breaker)));
}

/// All that are still there.
pub(crate) fn seen() -> Vec<Seen> {
    entries().iter().filter_map(Entry::see).collect()
}

fn add(entry: Entry) {
    let mut entries = entries();
    entries.retain(Entry::is_there);
    entries.push(entry);
}

fn entries() -> MutexGuard<'static, Vec<Entry>> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entry {
    fn is_there(&self) -> bool {
        match self {
            Self::Pool(pool) => pool.strong_count() > 0,
            Self::Breaker(breaker) => breaker.strong_count() > 0,
        }
    }

    fn see(&self) -> Option<Seen> {
        Some(match self {
            Self::Pool(pool) => {
                let pool = pool.upgrade()?;
                let (in_use, leaked) = pool.used();
                let (open, opened) = (pool.open(), pool.opened());
                Seen::Pool { name: pool.name.clone(), open, opened, in_use, leaked }
            }
            Self::Breaker(breaker) => {
                let breaker = breaker.upgrade()?;
                let name = breaker.name.clone()?;
                Seen::Breaker { name, state: breaker.state(), refused: breaker.refused() }
            }
        })
    }
}
