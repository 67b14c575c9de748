//! Buckets of tokens, one for each client, in a table of fixed size without a lock.
//!
//! A bucket is one time: that at which it will be full again (the generic cell rate algorithm). A client has one of the
//! few places that its hash allows; when all are taken it gets that of the bucket that is full the soonest, whose client
//! loses the least. Two threads that race for a place may charge one request to the wrong client, and no more.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::clock::Nanos;

/// Clients that are remembered.
const CLIENTS: usize = 65_536;
/// Places that a hash allows: as far as a cache line reaches.
const WAYS: usize = 4;

/// The buckets of all clients.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Nanoseconds in which one token comes.
    interval: u64,
    /// Nanoseconds in which an empty bucket is full.
    depth: u64,
    sets: Box<[Set]>,
}

/// What a client finds in its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Half of the tokens or more were left.
    Ample,
    /// It takes them about as fast as they come, or faster.
    Low,
    Empty,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Set([Bucket; WAYS]);

#[derive(Debug, Default)]
struct Bucket {
    /// Hash of the client; 0 is nobody.
    client: AtomicU64,
    /// When it is full again, in nanoseconds.
    full_at: AtomicU64,
}

impl Buckets {
    pub(super) fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let interval = 1_000_000_000 / u64::from(rate.get());
        let sets = std::iter::repeat_with(Set::default).take(CLIENTS / WAYS).collect();
        Self { interval, depth: interval * u64::from(burst.get()), sets }
    }

    /// Takes a token of the client with this hash, if there is one; says what was there before.
    pub(super) fn take(&self, now: Nanos, client: u64) -> Level {
        let client = client.max(1);
        let set = &self.sets[(client >> 32) as usize % self.sets.len()];
        let own = set.0.iter().find(|bucket| bucket.client.load(Relaxed) == client);
        own.unwrap_or_else(|| set.make_room(client)).take(now, self.interval, self.depth)
    }

    /// How many buckets are not full.
    pub(super) fn in_use(&self, now: Nanos) -> usize {
        let buckets = self.sets.iter().flat_map(|set| &set.0);
        buckets.filter(|bucket| bucket.full_at.load(Relaxed) > now.0).count()
    }
}

impl Set {
    fn make_room(&self, client: u64) -> &Bucket {
        let [first, rest @ ..] = &self.0;
        let full_at = |bucket: &Bucket| bucket.full_at.load(Relaxed);
        let fullest = rest.iter().fold(first, |a, b| if full_at(b) < full_at(a) { b } else { a });
        fullest.client.store(client, Relaxed);
        fullest.full_at.store(0, Relaxed);
        fullest
    }
}

impl Bucket {
    fn take(&self, now: Nanos, interval: u64, depth: u64) -> Level {
        let taken = |full_at: u64| {
            let after = full_at.max(now.0) + interval;
            (after <= now.0 + depth).then_some(after)
        };
        match self.full_at.fetch_update(Relaxed, Relaxed, taken) {
            Ok(full_at) if full_at > now.0 + depth / 2 => Level::Low,
            Ok(_) => Level::Ample,
            Err(_) => Level::Empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn buckets(rate: u32, burst: u32) -> Buckets {
        Buckets::new(NonZeroU32::new(rate).unwrap(), NonZeroU32::new(burst).unwrap())
    }

    /// How many of so many requests at `now` are let through.
    fn taken(buckets: &Buckets, now: u64, client: u64, requests: usize) -> usize {
        (0..requests).filter(|_| buckets.take(Nanos(now), client) != Level::Empty).count()
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let buckets = buckets(100, 20);
        assert_eq!(taken(&buckets, SECOND, 7, 1000), 20);
        assert_eq!(taken(&buckets, SECOND + SECOND / 20, 7, 1000), 5);
        assert_eq!(taken(&buckets, 100 * SECOND, 7, 1000), 20);
        assert_eq!(taken(&buckets, 100 * SECOND, 8, 1000), 20);
    }

    #[test]
    fn more_clients_than_places_take_those_that_are_full_the_soonest() {
        let buckets = buckets(1, 10);
        // All of one set: they differ only below the bits that choose it.
        assert_eq!(taken(&buckets, SECOND, 1, 10), 10);
        (2..100).for_each(|client| assert_eq!(buckets.take(Nanos(SECOND), client), Level::Ample));
        assert_eq!(taken(&buckets, SECOND, 1, 10), 0, "the busiest is not forgotten");
        assert!(buckets.in_use(Nanos(SECOND)) <= WAYS);
        assert_eq!(buckets.in_use(Nanos(20 * SECOND)), 0);
    }

    #[test]
    fn whoever_takes_all_that_comes_finds_little() {
        let buckets = buckets(100, 4);
        let levels = [(); 5].map(|()| buckets.take(Nanos(SECOND), 7));
        assert_eq!(levels, [Level::Ample, Level::Ample, Level::Ample, Level::Low, Level::Empty]);
        assert_eq!(buckets.take(Nanos(SECOND + SECOND / 100), 7), Level::Low);
        assert_eq!(buckets.take(Nanos(SECOND + SECOND / 10), 7), Level::Ample);
    }

    #[test]
    fn threads_share_one_bucket() {
        let buckets = buckets(1, 1000);
        let through: usize = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| taken(&buckets, SECOND, 7, 1000)));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(through, 1000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn no_span_lets_more_through_than_burst_and_rate(
            rate in 1u32..1000,
            burst in 1u32..50,
            pauses in prop::collection::vec(0u64..50_000_000, 1..200),
        ) {
            let buckets = buckets(rate, burst);
            let (mut now, mut through) = (0, 0u64);
            for pause in pauses {
                now += pause;
                through += u64::from(buckets.take(Nanos(now), 7) != Level::Empty);
            }
            let allowed = f64::from(burst) + now as f64 * 1e-9 * f64::from(rate);
            prop_assert!(through as f64 <= allowed + 1.0, "{through} of {allowed}");
        }
    }
}
