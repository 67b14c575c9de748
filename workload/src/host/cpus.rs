//! How many workers the machine carries: one for each CPU that is really there for this process.

use std::thread::available_parallelism;

use super::cgroup;

/// Workers for this process: min(|affinity|, max(1, floor(cgroup quota))).
pub(crate) fn auto_workers() -> usize {
    workers(affinity(), cgroup::quota())
}

/// More threads than whole CPUs in the quota would only be throttled in turns.
fn workers(affinity: usize, quota: Option<f64>) -> usize {
    let allowed = quota.map_or(usize::MAX, |cpus| (cpus.floor() as usize).max(1));
    affinity.clamp(1, allowed)
}

fn affinity() -> usize {
    let set = rustix::thread::sched_getaffinity(None).map(|set| set.count() as usize);
    set.unwrap_or_else(|_| available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::no_quota(8, None, 8)]
    #[case::quota_below_affinity(8, Some(2.9), 2)]
    #[case::less_than_one_cpu(8, Some(0.5), 1)]
    #[case::quota_above_affinity(2, Some(16.0), 2)]
    #[case::unknown_affinity(0, None, 1)]
    fn workers_fit_affinity_and_quota(
        #[case] affinity: usize,
        #[case] quota: Option<f64>,
        #[case] expected: usize,
    ) {
        assert_eq!(workers(affinity, quota), expected);
    }
}
