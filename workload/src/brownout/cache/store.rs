//! Answers that are kept, bounded in number and bytes: the oldest go first.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// Bounds of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheBounds {
    /// Answers kept. Default: 1,000.
    pub entries: usize,
    /// Bytes of their bodies together. Default: 16 MiB.
    pub bytes: usize,
    /// Bytes of one body; a longer one is not kept. Default: 256 KiB.
    pub entry_bytes: usize,
    /// Age up to which an answer may be given. Default: 5 min.
    pub stale: Duration,
}

/// An answer that was kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) made: Instant,
}

/// The answers by path and query.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) bounds: CacheBounds,
    kept: HashMap<String, (u64, Kept)>,
    /// In the order in which they came; those that were replaced are in it still.
    order: VecDeque<(u64, String)>,
    next: u64,
    bytes: usize,
}

impl Default for CacheBounds {
    fn default() -> Self {
        Self { entries: 1000, bytes: 16 << 20, entry_bytes: 256 << 10, stale: Duration::from_mins(5) }
    }
}

impl Store {
    pub(super) fn new(bounds: CacheBounds) -> Self {
        Self { bounds, kept: HashMap::new(), order: VecDeque::new(), next: 0, bytes: 0 }
    }

    /// The answer kept for `key`, unless it is too old.
    pub(super) fn get(&self, key: &str, now: Instant) -> Option<Kept> {
        let (_, kept) = self.kept.get(key)?;
        (now.saturating_duration_since(kept.made) <= self.bounds.stale).then(|| kept.clone())
    }

    pub(super) fn put(&mut self, key: String, kept: Kept) {
        if kept.body.len() > self.bounds.entry_bytes || kept.body.len() > self.bounds.bytes {
            return;
        }
        self.bytes += kept.body.len();
        self.next += 1;
        if let Some((_, replaced)) = self.kept.insert(key.clone(), (self.next, kept)) {
            self.bytes -= replaced.body.len();
        }
        self.order.push_back((self.next, key));
        while self.kept.len() > self.bounds.entries || self.bytes > self.bounds.bytes {
            if !self.drop_oldest() {
                break;
            }
        }
        // Keys that are replaced again and again must not make the order grow.
        if self.order.len() > 2 * self.kept.len() + 16 {
            let kept = &self.kept;
            self.order.retain(|(number, key)| kept.get(key).is_some_and(|(now, _)| now == number));
        }
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((number, key)) = self.order.pop_front() else { return false };
        if self.kept.get(&key).is_some_and(|(now, _)| *now == number)
            && let Some((_, kept)) = self.kept.remove(&key)
        {
            self.bytes -= kept.body.len();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(bytes: usize, made: Instant) -> Kept {
        Kept { status: StatusCode::OK, headers: HeaderMap::new(), body: vec![b'x'; bytes].into(), made }
    }

    #[test]
    fn an_answer_is_given_until_it_is_too_old() {
        let mut store = Store::new(CacheBounds::default());
        let made = Instant::now();
        store.put("/a".to_owned(), kept(3, made));
        let after = |seconds| store.get("/a", made + Duration::from_secs(seconds)).is_some();
        assert_eq!((after(300), after(301), store.get("/b", made).is_some()), (true, false, false));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn bounds_hold_and_the_last_answer_is_there(puts in prop::collection::vec((0u8..8, 0usize..12), 1..100)) {
            let bounds = CacheBounds { entries: 4, bytes: 20, entry_bytes: 10, ..CacheBounds::default() };
            let mut store = Store::new(bounds);
            let made = Instant::now();
            for (key, bytes) in puts {
                let key = key.to_string();
                store.put(key.clone(), kept(bytes, made));
                let bytes_kept: usize = store.kept.values().map(|(_, kept)| kept.body.len()).sum();
                prop_assert_eq!(bytes_kept, store.bytes);
                prop_assert!(store.bytes <= 20 && store.kept.len() <= 4 && store.order.len() <= 2 * 4 + 16 + 1);
                prop_assert!(bytes > 10 || store.get(&key, made).is_some_and(|kept| kept.body.len() == bytes));
            }
        }
    }
}
