//! The cheapest sizes that someone who knows the future could choose, when a pod takes a while to start.
//!
//! Exact for the cost "pods times time": the k-th pod is needed in some intervals and not in the gaps between them.
//! Keeping it through a gap costs the gap, stopping it and starting another costs the start delay; whichever is less
//! is right for every k on its own, and because more is needed only where less is needed too, the choices of all k
//! fit together. No policy that answers everything in time costs less.

use std::ops::Range;

/// The cheapest sizes over a time, second by second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Optimum {
    /// Pods times seconds, starting pods included.
    pub pod_seconds: u64,
    /// Pods that are ready in each second; never fewer than needed.
    pub ready: Vec<u32>,
}

impl Optimum {
    /// For `needs[t]` pods needed in second `t`, and pods that take `start_delay` seconds to become ready and cost as
    /// much while they do. Pods needed in the first second are there already.
    ///
    /// Takes time and memory in proportion to the largest need times the number of seconds.
    pub fn of(needs: &[u32], start_delay: u32) -> Self {
        let mut optimum = Self { pod_seconds: 0, ready: vec![0; needs.len()] };
        for level in 1..=needs.iter().copied().max().unwrap_or(0) {
            for kept in kept_intervals(needs, level, start_delay) {
                let start = if kept.start == 0 { 0 } else { u64::from(start_delay) };
                optimum.pod_seconds += kept.len() as u64 + start;
                for ready in &mut optimum.ready[kept] {
                    *ready += 1;
                }
            }
        }
        optimum
    }

    /// The cost in pod-hours.
    pub fn pod_hours(&self) -> f64 {
        self.pod_seconds as f64 / 3600.0
    }
}

/// Pods needed in each second: enough for the rate at `capacity` requests per second each, at least `min_replicas`.
///
/// A millionth of a pod is forgiven, so that a rate of exactly n pods does not need n + 1.
pub fn needs(rates: &[f64], capacity: f64, min_replicas: u32) -> Vec<u32> {
    let pods = |rate: &f64| (rate / capacity - 1e-6).ceil().max(0.0) as u32;
    rates.iter().map(|rate| pods(rate).max(min_replicas)).collect()
}

/// Where at least `level` pods are needed, gaps no longer than `start_delay` included.
fn kept_intervals(needs: &[u32], level: u32, start_delay: u32) -> Vec<Range<usize>> {
    let mut kept: Vec<Range<usize>> = Vec::new();
    for (t, _) in needs.iter().enumerate().filter(|(_, need)| **need >= level) {
        match kept.last_mut() {
            Some(last) if t - last.end <= start_delay as usize => last.end = t + 1,
            _ => kept.push(t..t + 1),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    /// Costs worked out by hand; the delays are in seconds.
    #[rstest]
    #[case::nothing_at_all(&[], 5, 0)]
    #[case::nothing_needed(&[0, 0, 0], 5, 0)]
    #[case::steady_costs_no_start(&[2, 2, 2], 5, 6)]
    #[case::a_late_pod_pays_its_start(&[1, 1, 3, 3], 5, 4 + 2 * (2 + 5))]
    #[case::a_gap_as_long_as_a_start_is_kept(&[2, 1, 1, 2], 2, 4 + 4)]
    #[case::a_longer_gap_is_not(&[2, 1, 1, 1, 2], 2, 5 + 1 + (1 + 2))]
    #[case::without_delay_only_what_is_needed(&[2, 1, 1, 5, 0], 0, 9)]
    #[case::what_begins_late_pays_even_within_the_delay(&[0, 1], 5, 1 + 5)]
    #[case::levels_are_apart(&[3, 1, 3, 1, 1, 1, 3], 1, 7 + 2 * (3 + 1 + 1))]
    fn cost_of(#[case] needs: &[u32], #[case] delay: u32, #[case] pod_seconds: u64) {
        assert_eq!(Optimum::of(needs, delay).pod_seconds, pod_seconds);
    }

    #[rstest]
    #[case::kept_through_the_gap(&[2, 1, 2], 1, &[2, 2, 2])]
    #[case::stopped_in_the_gap(&[2, 1, 1, 2], 1, &[2, 1, 1, 2])]
    fn sizes_of(#[case] needs: &[u32], #[case] delay: u32, #[case] ready: &[u32]) {
        assert_eq!(Optimum::of(needs, delay).ready, ready);
    }

    #[rstest]
    #[case::the_minimum_counts(0.0, 2)]
    #[case::exactly_three(300.0, 3)]
    #[case::a_little_more(301.0, 4)]
    fn pods_for_a_rate(#[case] rate: f64, #[case] pods: u32) {
        assert_eq!(needs(&[rate], 100.0, 2), [pods]);
    }

    fn sum(needs: &[u32]) -> u64 {
        needs.iter().copied().map(u64::from).sum()
    }

    fn loads() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(0u32..8, 0..60)
    }

    /// The cheapest choice for every level by trying all of them, gap by gap.
    fn brute_force(needs: &[u32], delay: u64) -> u64 {
        let cost_of_level = |level: u32| {
            let wanted: Vec<bool> = needs.iter().map(|need| *need >= level).collect();
            // cost[running]: the least cost so far when the pod runs (true) or not in the last second seen.
            let (mut stopped, mut running) = (Some(0), wanted.first().map(|_| 0));
            for &want in &wanted {
                let on = [running, stopped.map(|cost: u64| cost + delay)];
                let off = [running, stopped].into_iter().flatten().min();
                running = on.into_iter().flatten().min().map(|cost| cost + 1);
                stopped = if want { None } else { off };
            }
            [running, stopped].into_iter().flatten().min().unwrap_or(0)
        };
        (1..=needs.iter().copied().max().unwrap_or(0)).map(cost_of_level).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn never_below_the_needs(needs in loads(), delay in 0u32..10) {
            let optimum = Optimum::of(&needs, delay);
            prop_assert!(optimum.pod_seconds >= sum(&needs));
            prop_assert!(optimum.ready.iter().zip(&needs).all(|(ready, need)| ready >= need));
        }

        #[test]
        fn without_delay_it_is_the_needs(needs in loads()) {
            let optimum = Optimum::of(&needs, 0);
            prop_assert_eq!(optimum.pod_seconds, sum(&needs));
            prop_assert_eq!(optimum.ready, needs);
        }

        #[test]
        fn a_longer_delay_never_costs_less(needs in loads(), delay in 0u32..10) {
            prop_assert!(Optimum::of(&needs, delay + 1).pod_seconds >= Optimum::of(&needs, delay).pod_seconds);
        }

        #[test]
        fn nothing_cheaper_exists(needs in loads(), delay in 0u32..10) {
            let least = brute_force(&needs, u64::from(delay));
            let found = Optimum::of(&needs, delay).pod_seconds;
            // A pod that is first needed late may be cheaper to have from the beginning, when it is free to start; the
            // definition counts its start all the same.
            prop_assert!(least <= found);
            if needs.first().is_none_or(|first| needs.iter().all(|need| need <= first)) {
                prop_assert_eq!(least, found);
            }
        }
    }
}
