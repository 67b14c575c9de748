//! The CPU controller of the process's cgroup, versions 1 and 2: parsers of its files, and where the files are.
//!
//! Inside a container the cgroup namespace makes the process's own cgroup look like the root, so the path of
//! `/proc/self/cgroup` is tried first and the mount point itself second.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the files of the CPU controller are looked for.
#[derive(Debug, Clone)]
pub(super) struct Cgroup {
    /// `/`, but for tests.
    root: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Cgroup {
    pub(super) fn below(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// CPUs that the quota allows, 0.5 for half of one; `None` without a limit.
    pub(super) fn quota(&self) -> Option<f64> {
        self.read("cpu.max", Version::Two).and_then(|text| quota_v2(&text)).or_else(|| {
            let file = |name: &str| self.read(name, Version::One);
            quota_v1(&file("cpu.cfs_quota_us")?, &file("cpu.cfs_period_us")?)
        })
    }

    /// For how long the process's threads were kept from running, in seconds; 0 when the cgroup does not say.
    pub(super) fn throttled_seconds(&self) -> f64 {
        let text = self.read("cpu.stat", Version::Two).or_else(|| self.read("cpu.stat", Version::One));
        text.map_or(0.0, |text| throttled(&text))
    }

    fn read(&self, file: &str, version: Version) -> Option<String> {
        let own = own_path(&fs::read_to_string(self.root.join("proc/self/cgroup")).ok()?, version)?;
        let mount = self.root.join(match version {
            Version::One => "sys/fs/cgroup/cpu",
            Version::Two => "sys/fs/cgroup",
        });
        let at = |path: &str| mount.join(path.trim_start_matches('/')).join(file);
        fs::read_to_string(at(&own)).or_else(|_| fs::read_to_string(at(""))).ok()
    }
}

/// The path in `/proc/self/cgroup` of the hierarchy that has the CPU controller.
fn own_path(text: &str, version: Version) -> Option<String> {
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let wanted = match version {
            Version::One => controllers.split(',').any(|name| name == "cpu"),
            Version::Two => controllers.is_empty(),
        };
        wanted.then(|| path.to_owned())
    })
}

/// `cpu.max`: "max 100000" or "150000 100000".
fn quota_v2(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    quota_v1(quota, period)
}

/// `cpu.cfs_quota_us` and `cpu.cfs_period_us`; a quota of -1 is no limit.
fn quota_v1(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (f64, f64) = (quota.trim().parse().ok()?, period.trim().parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// `cpu.stat`: `throttled_usec` in version 2, `throttled_time` in nanoseconds in version 1.
fn throttled(text: &str) -> f64 {
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(key, _)| *key == name).and_then(|(_, value)| value.trim().parse::<f64>().ok())
    };
    let micros = value("throttled_usec").map(|micros| micros * 1e-6);
    micros.or_else(|| value("throttled_time").map(|nanos| nanos * 1e-9)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("max 100000\n", None)]
    #[case("150000 100000\n", Some(1.5))]
    #[case("50000 100000", Some(0.5))]
    #[case("", None)]
    #[case("x y", None)]
    #[case("100000 0", None)]
    fn cpu_max_is_read(#[case] text: &str, #[case] expected: Option<f64>) {
        assert_eq!(quota_v2(text), expected);
    }

    #[rstest]
    #[case("-1\n", "100000\n", None)]
    #[case("400000\n", "100000\n", Some(4.0))]
    #[case("", "100000", None)]
    fn cfs_quota_is_read(#[case] quota: &str, #[case] period: &str, #[case] expected: Option<f64>) {
        assert_eq!(quota_v1(quota, period), expected);
    }

    #[rstest]
    #[case::v2("nr_throttled 3\nthrottled_usec 2500000\n", 2.5)]
    #[case::v1("nr_throttled 3\nthrottled_time 1500000000\n", 1.5)]
    #[case::without("usage_usec 5\n", 0.0)]
    fn throttled_time_is_read(#[case] text: &str, #[case] expected: f64) {
        assert!((throttled(text) - expected).abs() < 1e-9);
    }

    #[rstest]
    #[case("0::/kubepods/pod1/c1\n", Version::Two, Some("/kubepods/pod1/c1"))]
    #[case("4:cpu,cpuacct:/docker/x\n1:memory:/y\n", Version::One, Some("/docker/x"))]
    #[case("4:cpuset:/docker/x\n", Version::One, None)]
    #[case("", Version::Two, None)]
    fn the_own_cgroup_is_found(#[case] text: &str, #[case] version: Version, #[case] expected: Option<&str>) {
        assert_eq!(own_path(text, version).as_deref(), expected);
    }
}
