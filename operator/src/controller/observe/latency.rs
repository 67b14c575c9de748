//! PURE: latency of a whole service over the last fifteen seconds, from what its pods counted. Only shown.

use std::collections::VecDeque;

use headroom_core::Policy;
use headroom_workload::stats::Histogram;
use jiff::{SignedDuration, Timestamp};

/// What is older no longer counts.
const WINDOW: SignedDuration = SignedDuration::from_secs(15);
/// Looks remembered at most, should they come faster than one a second.
const MOST_LOOKS: usize = 30;
/// Pods whose histograms are remembered: a part of a large service says enough for a figure that is only shown.
pub(super) const MOST_PODS: usize = 50;

/// What one process had counted when it last told.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    boot: u64,
    latency: Histogram,
}

/// What all pods answered within the last seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies {
    looks: VecDeque<(Timestamp, Histogram)>,
}

impl Counted {
    /// What the process `boot` had counted.
    pub(super) fn new(boot: u64, latency: Histogram) -> Self {
        Self { boot, latency }
    }

    /// What was counted since `earlier`; `None` where the process is another one.
    fn since(&self, earlier: &Self) -> Option<Histogram> {
        (self.boot == earlier.boot).then(|| self.latency.since(&earlier.latency))
    }
}

impl Latencies {
    /// Begins a look.
    pub(super) fn begin(&mut self, now: Timestamp) {
        let old = |look: &(Timestamp, Histogram)| now.duration_since(look.0) >= WINDOW;
        while self.looks.front().is_some_and(old) || self.looks.len() >= MOST_LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now, Histogram::default()));
    }

    /// Adds what a pod answered between two looks, to the look begun last.
    pub(super) fn add(&mut self, before: &Counted, after: &Counted) {
        if let (Some(fresh), Some((_, look))) = (after.since(before), self.looks.back_mut()) {
            look.merge(&fresh);
        }
    }

    /// Latency in seconds at the quantile of each of the policy's objectives; `None` without traffic.
    pub(super) fn quantiles(&self, policy: &Policy) -> [Option<f64>; Policy::MAX_OBJECTIVES] {
        let mut all = Histogram::default();
        self.looks.iter().for_each(|(_, look)| all.merge(look));
        let mut quantiles = [None; Policy::MAX_OBJECTIVES];
        for (latency, objective) in quantiles.iter_mut().zip(policy.latency()) {
            *latency = all.quantile(objective.quantile);
        }
        quantiles
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::policy;
    use super::*;

    /// A process that answered so many requests in a millisecond and so many in a second.
    fn counted(boot: u64, fast: u64, slow: u64) -> Counted {
        let mut dense = vec![0; Histogram::BUCKETS];
        dense[Histogram::index(1000)] = fast;
        dense[Histogram::index(1_000_000)] = slow;
        Counted::new(boot, Histogram::from_dense(dense))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn p99(latencies: &Latencies) -> Option<f64> {
        latencies.quantiles(&policy())[0]
    }

    #[test]
    fn pods_are_pooled_and_the_past_is_forgotten() {
        let mut latencies = Latencies::default();
        latencies.begin(at(0));
        assert_eq!(p99(&latencies), None, "no traffic");
        latencies.add(&counted(1, 5000, 5000), &counted(1, 5090, 5000));
        latencies.add(&counted(2, 0, 0), &counted(2, 0, 10));
        let slow = p99(&latencies).unwrap();
        assert!((0.98..1.02).contains(&slow), "10 of 100 are slow: {slow}");
        latencies.begin(at(14));
        latencies.add(&counted(1, 5090, 5000), &counted(1, 5190, 5000));
        assert!(p99(&latencies).unwrap() > 0.9, "the first look is 14 s old");
        latencies.begin(at(15));
        assert!(p99(&latencies).unwrap() < 0.002, "it is 15 s old");
        latencies.begin(at(40));
        assert_eq!(p99(&latencies), None);
    }

    #[test]
    fn a_process_that_began_again_says_nothing_of_the_time_between() {
        let mut latencies = Latencies::default();
        latencies.begin(at(0));
        latencies.add(&counted(1, 10, 0), &counted(2, 90, 0));
        assert_eq!(p99(&latencies), None);
    }

    #[test]
    fn memory_is_bounded_when_time_stands_still_or_goes_back() {
        let mut latencies = Latencies::default();
        (0..1000).for_each(|look| latencies.begin(at(-look)));
        assert_eq!(latencies.looks.len(), MOST_LOOKS);
    }
}
