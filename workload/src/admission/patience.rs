//! How long a request may wait, and which one is next: longer and in order while the queue is a burst, shorter and
//! newest first while it is an overload.
//!
//! A queue that drains is a burst: what waits is served in order and given up only when it can hardly be in time any
//! more. One that has stood above its bound for an interval is an overload, as in `CoDel`: then whoever came last is
//! served first, as its client is the likeliest still to be there, and nobody waits longer than leaves 99 of 100
//! requests within the objective.

use crate::clock::Nanos;

/// A queue that stands for so long is an overload.
const INTERVAL: Nanos = Nanos(100_000_000);

/// What is told once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wishes {
    /// The longest wait that is allowed.
    pub(super) delay: Nanos,
    /// The tightest latency objective.
    pub(super) objective: Option<Nanos>,
}

/// How long handlers take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    pub(super) mean: Nanos,
    /// 90 of 100 are faster.
    pub(super) most: Nanos,
    /// 99 of 100 are faster.
    pub(super) slow: Nanos,
}

/// Which of those that wait in one class is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

/// The state of the queue's patience.
#[derive(Debug)]
pub(super) struct Patience {
    wishes: Wishes,
    /// Since when the backlog is above what an overload leaves.
    high_since: Option<Nanos>,
    overloaded: bool,
}

impl Patience {
    pub(super) fn new(wishes: Wishes) -> Self {
        Self { wishes, high_since: None, overloaded: false }
    }

    /// The queue has changed: all that waits would be admitted within `backlog`.
    pub(super) fn observe(&mut self, now: Nanos, backlog: Nanos, pace: Pace) {
        let strict = self.strict(pace);
        // Where arrivals are refused at the same bound, the backlog stays just below it.
        let high = strict.scaled(0.8).min(self.lenient(pace).scaled(0.5));
        if self.overloaded {
            self.overloaded = backlog > strict.scaled(0.25);
            self.high_since = None;
        } else if backlog > high {
            let since = *self.high_since.get_or_insert(now);
            self.overloaded = now - since >= INTERVAL;
        } else {
            self.high_since = None;
        }
    }

    pub(super) fn is_overloaded(&self) -> bool {
        self.overloaded
    }

    pub(super) fn order(&self) -> Order {
        if self.overloaded { Order::NewestFirst } else { Order::OldestFirst }
    }

    /// The longest that a request may have waited.
    pub(super) fn longest(&self, pace: Pace) -> Nanos {
        if self.overloaded { self.strict(pace) } else { self.lenient(pace) }
    }

    /// The longest wait that an arrival may expect. Newest first, half of what may wait is stock enough to keep every
    /// slot busy, and what is refused at once costs less than what is given up later.
    pub(super) fn expected(&self, pace: Pace) -> Nanos {
        if self.overloaded { self.strict(pace).scaled(0.5) } else { self.lenient(pace) }
    }

    /// What leaves 90 of 100 requests in time: of a burst only the last wait so long.
    fn lenient(&self, pace: Pace) -> Nanos {
        self.wishes.leaving(pace.most, 1.0)
    }

    /// What leaves 99 of 100 requests in time, with some time for the way to and from the client.
    fn strict(&self, pace: Pace) -> Nanos {
        self.wishes.leaving(pace.slow, 0.95)
    }
}

impl Wishes {
    /// The wait that leaves `service` of this share of the objective; at least a quarter: handlers that are late
    /// whatever waits are no reason to refuse all that does.
    fn leaving(&self, service: Nanos, share: f64) -> Nanos {
        let left = |objective: Nanos| (objective.scaled(share) - service).max(objective.scaled(0.25));
        self.objective.map_or(self.delay, |objective| left(objective).min(self.delay))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn millis(count: u64) -> Nanos {
        Nanos(count * 1_000_000)
    }

    const PACE: Pace = Pace { mean: Nanos(5_000_000), most: Nanos(10_000_000), slow: Nanos(45_000_000) };

    fn patience(objective: Option<u64>) -> Patience {
        Patience::new(Wishes { delay: millis(200), objective: objective.map(millis) })
    }

    #[rstest]
    #[case::without_objective(None, 200, 200)]
    #[case::objective(Some(100), 90, 50)]
    #[case::slow_handlers(Some(40), 30, 10)]
    #[case::long_objective(Some(1000), 200, 200)]
    fn bounds_leave_time_for_the_handler(
        #[case] objective: Option<u64>,
        #[case] lenient: u64,
        #[case] strict: u64,
    ) {
        let patience = patience(objective);
        assert_eq!((patience.lenient(PACE), patience.strict(PACE)), (millis(lenient), millis(strict)));
    }

    #[test]
    fn a_queue_that_stands_is_an_overload_until_it_has_drained() {
        let mut patience = patience(Some(100));
        let mut overloaded = |now: u64, backlog: u64| {
            patience.observe(millis(now), millis(backlog), PACE);
            patience.is_overloaded()
        };
        assert!(!overloaded(0, 41));
        assert!(!overloaded(99, 60));
        assert!(overloaded(100, 41));
        assert!(overloaded(101, 20));
        assert!(!overloaded(102, 12));
    }

    #[test]
    fn a_burst_is_none() {
        let mut patience = patience(Some(100));
        for (now, backlog) in [(0, 80), (90, 39), (120, 41), (219, 41)] {
            patience.observe(millis(now), millis(backlog), PACE);
            assert!(!patience.is_overloaded());
        }
    }

    #[test]
    fn an_overload_allows_less_and_newest_goes_first() {
        let mut patience = patience(Some(100));
        assert_eq!((patience.order(), patience.longest(PACE)), (Order::OldestFirst, millis(90)));
        patience.observe(millis(0), millis(60), PACE);
        patience.observe(millis(200), millis(60), PACE);
        assert_eq!((patience.order(), patience.longest(PACE)), (Order::NewestFirst, millis(50)));
        assert_eq!(patience.expected(PACE), millis(25));
    }
}
