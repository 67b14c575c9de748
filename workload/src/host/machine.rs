//! Which CPUs this process may use and how much of them, read from files of the system.
//!
//! A thread that is pinned to one CPU does not see others being added, so what counts is the mask of the process's
//! first thread, which this crate never pins. The kernel keeps it within the cpuset of the cgroup, in both versions.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use super::cgroup::Cgroup;

/// Where it is read what the machine has for this process.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// `/`, but for tests.
    root: PathBuf,
    cgroup: Cgroup,
    limit: Option<NonZeroU32>,
}

/// What the machine has for this process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Machine {
    /// Numbers of the CPUs that the process may use, ascending, at least one.
    pub(crate) allowed: Vec<usize>,
    /// How many CPUs the machine has; 0 if it does not say.
    pub(crate) online: usize,
    /// CPUs that the quota of the cgroup allows; `None` without one.
    pub(crate) quota: Option<f64>,
    /// The limit of the container as it was told.
    pub(crate) limit: Option<NonZeroU32>,
}

/// Of a list longer than that the rest is not looked at: no kernel has as many CPUs.
const MOST_CPUS: usize = 8192;

impl Host {
    /// The machine this runs on; `limit` is the CPU limit of the container, if it is known.
    pub(crate) fn new(limit: Option<NonZeroU32>) -> Self {
        Self::below(Path::new("/"), limit)
    }

    pub(crate) fn below(root: &Path, limit: Option<NonZeroU32>) -> Self {
        Self { root: root.to_owned(), cgroup: Cgroup::below(root), limit }
    }

    pub(crate) fn look(&self) -> Machine {
        let allowed = self.allowed().unwrap_or_else(|| {
            // The mask of this thread: fewer workers than could be are better than none.
            (0..available_parallelism().map_or(1, usize::from)).collect()
        });
        let online = self.read("sys/devices/system/cpu/online").and_then(|text| cpus(&text));
        let online = online.map_or(0, |cpus| cpus.len());
        Machine { allowed, online, quota: self.cgroup.quota(), limit: self.limit }
    }

    /// For how long the cgroup kept the process from running, in seconds.
    pub(crate) fn throttled_seconds(&self) -> f64 {
        self.cgroup.throttled_seconds()
    }

    fn allowed(&self) -> Option<Vec<usize>> {
        let status = self.read("proc/self/status")?;
        status.lines().find_map(|line| cpus(line.strip_prefix("Cpus_allowed_list:")?))
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.root.join(file)).ok()
    }
}

impl Machine {
    /// CPU time that the process gets in each second, in seconds: min(|affinity|, quota).
    pub(crate) fn cpus(&self) -> f64 {
        let allowed = self.allowed.len() as f64;
        self.quota.map_or(allowed, |quota| quota.min(allowed))
    }

    /// Workers for this process: min(|affinity|, max(1, floor(quota))). More threads than whole CPUs in the quota would
    /// only be throttled in turns.
    pub(crate) fn workers(&self) -> usize {
        let allowed = self.quota.map_or(usize::MAX, |cpus| (cpus.floor() as usize).max(1));
        self.allowed.len().clamp(1, allowed)
    }
}

/// Numbers as the kernel writes them, "0-3,8"; `None` for an empty list or another form.
fn cpus(text: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        cpus.extend((first..=last).take(MOST_CPUS.saturating_sub(cpus.len())));
    }
    (!cpus.is_empty()).then_some(cpus)
}

#[cfg(test)]
pub(crate) mod tests {
    use rstest::rstest;

    use super::*;

    /// A folder with files of a system.
    pub(crate) fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in files {
            write(root.path(), file, text);
        }
        root
    }

    pub(crate) fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    const STATUS: (&str, &str) =
        ("proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t2-5\n");

    #[rstest]
    #[case::v2(&[("proc/self/cgroup", "0::/kubepods/c1\n"), ("sys/fs/cgroup/kubepods/c1/cpu.max", "250000 100000\n")], Some(2.5), 2)]
    #[case::v2_in_a_namespace(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "50000 100000\n")], Some(0.5), 1)]
    #[case::v2_without_limit(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "max 100000\n")], None, 4)]
    #[case::v1(
        &[("proc/self/cgroup", "3:cpu,cpuacct:/c1\n0::/\n"), ("sys/fs/cgroup/cpu/c1/cpu.cfs_quota_us", "300000\n"), ("sys/fs/cgroup/cpu/c1/cpu.cfs_period_us", "100000\n")],
        Some(3.0),
        3
    )]
    #[case::v1_in_a_namespace(
        &[("proc/self/cgroup", "3:cpu,cpuacct:/docker/x\n"), ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "800000\n"), ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")],
        Some(8.0),
        4
    )]
    #[case::v1_without_limit(
        &[("proc/self/cgroup", "3:cpu:/\n"), ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"), ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")],
        None,
        4
    )]
    #[case::no_cgroups(&[], None, 4)]
    fn the_quota_and_the_mask_say_how_many_workers(
        #[case] files: &[(&str, &str)],
        #[case] quota: Option<f64>,
        #[case] workers: usize,
    ) {
        let root = system(&[files, &[STATUS]].concat());
        let machine = Host::below(root.path(), None).look();
        assert_eq!((machine.quota, machine.workers()), (quota, workers));
        assert_eq!(machine.allowed, [2, 3, 4, 5]);
    }

    #[rstest]
    #[case::v2("0::/c\n", "sys/fs/cgroup/c/cpu.stat", "nr_throttled 3\nthrottled_usec 2500000\n", 2.5)]
    #[case::v1("2:cpu:/c\n", "sys/fs/cgroup/cpu/c/cpu.stat", "throttled_time 1500000000\n", 1.5)]
    #[case::none("", "elsewhere", "", 0.0)]
    fn time_held_back_is_read(
        #[case] own: &str,
        #[case] file: &str,
        #[case] text: &str,
        #[case] expected: f64,
    ) {
        let root = system(&[("proc/self/cgroup", own), (file, text)]);
        assert!((Host::below(root.path(), None).throttled_seconds() - expected).abs() < 1e-9);
    }

    #[rstest]
    #[case("0-3\n", Some(vec![0, 1, 2, 3]))]
    #[case("\t0,2,64-65", Some(vec![0, 2, 64, 65]))]
    #[case("7", Some(vec![7]))]
    #[case("", None)]
    #[case("0-", None)]
    #[case("3-1", None)]
    #[case("x", None)]
    fn lists_of_cpus_are_read(#[case] text: &str, #[case] expected: Option<Vec<usize>>) {
        assert_eq!(cpus(text), expected);
    }

    #[test]
    fn a_list_without_end_takes_no_memory() {
        assert_eq!(cpus("0-99999999999,5").map(|cpus| cpus.len()), Some(MOST_CPUS));
    }

    #[test]
    fn this_machine_has_a_cpu_for_this_process() {
        let machine = Host::new(None).look();
        assert!(machine.online >= machine.allowed.len() && machine.workers() >= 1, "{machine:?}");
    }
}
