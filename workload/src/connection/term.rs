//! How long a connection stays: from the end of its term on, its answers end it.

use std::time::Duration;

use rand::{Rng, RngExt as _};

use super::cut::Cut;
use crate::clock::Nanos;

/// The term of one connection. It goes with it from worker to worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    pub(super) until: Nanos,
    pub(super) set_by: SetBy,
}

/// What sets the end of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetBy {
    /// Its age.
    Age,
    /// An order to have fewer connections. Without a request it ends too, after a moment.
    Order,
}

/// The time over which connections end that were ordered to at once: their clients connect again one after another.
const SPREAD: Duration = Duration::from_secs(3);
/// A client that sends something within this time learns from an answer that its connection ends.
const NOTICE: Duration = Duration::from_secs(5);

impl Term {
    /// Of a connection that nothing ends.
    pub(crate) fn endless() -> Self {
        Self { until: Nanos::MAX, set_by: SetBy::Age }
    }

    /// Of a connection made `now` that gets about so old: those that were made at the same moment, as after a restart,
    /// don't end at the same moment too.
    pub(crate) fn aged(now: Nanos, age: Duration, random: &mut impl Rng) -> Self {
        let until = now + Nanos::from(age).scaled(random.random_range(0.9..1.1));
        Self { until, set_by: SetBy::Age }
    }

    /// Of a connection that is told `now` to end.
    pub(super) fn ordered(now: Nanos, random: &mut impl Rng) -> Self {
        let until = now + Nanos::from(SPREAD).scaled(random.random_range(0.0..1.0));
        Self { until, set_by: SetBy::Order }
    }

    pub(super) fn is_ordered(self) -> bool {
        self.set_by == SetBy::Order
    }

    /// Whether its connection, which has been without a request for so long, ends at `now` though no answer told its
    /// client.
    pub(super) fn ends_idle(self, now: Nanos, waited: Duration) -> bool {
        self.is_ordered() && waited > NOTICE && self.is_over(now) && now - self.until > NOTICE.into()
    }

    /// What a connection is ended for once its term is over.
    pub(super) fn reason(self) -> Cut {
        match self.set_by {
            SetBy::Age => Cut::Age,
            SetBy::Order => Cut::Order,
        }
    }

    /// Whether it is over at `now`.
    pub(super) fn is_over(self, now: Nanos) -> bool {
        now > self.until
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn connections_of_one_moment_end_evenly_over_a_fifth_of_their_age() {
        let mut random = StdRng::seed_from_u64(1);
        let mut ended = [0; 10];
        for _ in 0..10_000 {
            let Nanos(nanos) = Term::aged(Nanos::default(), Duration::from_secs(100), &mut random).until;
            ended[(nanos / 1_000_000_000 - 90) as usize / 2] += 1;
        }
        assert!(ended.iter().all(|count| (900..1100).contains(count)), "{ended:?}");
    }

    #[test]
    fn connections_of_one_order_end_evenly_over_its_time() {
        let (mut random, now) = (StdRng::seed_from_u64(1), Nanos::from(Duration::from_secs(7)));
        let mut ended = [0; 3];
        for _ in 0..9_000 {
            let Nanos(nanos) = Term::ordered(now, &mut random).until - now;
            ended[(nanos / 1_000_000_000) as usize] += 1;
        }
        assert!(ended.iter().all(|count| (2800..3200).contains(count)), "{ended:?}");
    }
}
