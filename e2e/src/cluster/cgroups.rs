//! The cluster's own cgroups: one folder in each hierarchy of the machine, below which nodes put their pods and in which
//! the components run. Nothing above that folder is changed, but that cgroup v2 may have to hand controllers down.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;

use super::identity::ProcessIdentity;

const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// What kubelets need of cgroup v2.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

/// The folder of one cluster in every hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroups {
    version: Version,
    roots: Vec<PathBuf>,
}

/// Version 1 was tried on real machines; version 2 is written from its documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Cgroups {
    /// The folders called `name` on this machine, there or not.
    pub fn of_machine(name: &str) -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("can't read /proc/self/mounts")?;
        Self::new(&mounts, name)
    }

    fn new(mounts: &str, name: &str) -> anyhow::Result<Self> {
        let mounted = |kind: &str| -> Vec<PathBuf> {
            let fields = mounts.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let found =
                fields.filter_map(|line| (*line.get(2)? == kind).then(|| Path::new(line[1]).join(name)));
            found.collect()
        };
        let (v1, v2) = (mounted("cgroup"), mounted("cgroup2"));
        // With both, the controllers are in version 1, and the other hierarchy only names processes; runc uses it too.
        let version = if v1.is_empty() { Version::V2 } else { Version::V1 };
        let roots = [v1, v2].concat();
        ensure!(
            !roots.is_empty(),
            "no cgroups are mounted below /sys/fs/cgroup; a kubelet can't run without"
        );
        Ok(Self { version, roots })
    }

    /// The cgroup of the components, in the one hierarchy in which they are tracked.
    pub fn components(&self) -> PathBuf {
        // In a hierarchy that neither limits nor accounts anything unasked, where there is one.
        let tracking = ["pids", "systemd"].iter().find_map(|controller| {
            self.roots.iter().find(|root| root.parent().is_some_and(|mount| mount.ends_with(controller)))
        });
        tracking.or_else(|| self.roots.first()).map(|root| root.join("components")).unwrap_or_default()
    }

    /// Makes the folders, with one for each child.
    pub fn make(&self, children: &[String]) -> anyhow::Result<()> {
        for root in &self.roots {
            make(root, self.version)?;
            for child in children {
                make(&root.join(child), self.version)?;
            }
        }
        let components = self.components();
        fs::create_dir_all(&components)
            .with_context(|| format!("can't make the cgroup {}", components.display()))
    }

    /// Kills every process in them, components before pods, until none is left.
    pub fn kill_all(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let components = members(&self.components());
            let all: BTreeSet<_> = self.roots.iter().flat_map(|root| members(root)).collect();
            for process in components.iter().chain(&all) {
                process.signal(Signal::KILL)?;
            }
            if all.is_empty() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "these processes don't end: {all:?}");
            std::thread::sleep(POLL);
        }
    }

    /// Removes the folders. They have to be empty of processes.
    pub fn remove(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        for root in &self.roots {
            // A cgroup stays busy for a moment after its last process.
            while let Err(error) = remove(root) {
                if Instant::now() > deadline {
                    bail!("can't remove the cgroup {}: {error}", root.display());
                }
                std::thread::sleep(POLL);
            }
        }
        Ok(())
    }
}

fn make(folder: &Path, version: Version) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't make the cgroup {}", folder.display()))?;
    match version {
        // A new cpuset is empty and takes no process until it is filled.
        Version::V1 => ["cpuset.cpus", "cpuset.mems"].into_iter().try_for_each(|file| inherit(folder, file)),
        Version::V2 => hand_down(folder.parent().unwrap_or(folder)).and_then(|()| hand_down(folder)),
    }
}

fn inherit(folder: &Path, file: &str) -> anyhow::Result<()> {
    let (own, above) = (folder.join(file), folder.parent().unwrap_or(folder).join(file));
    if !own.exists() {
        return Ok(());
    }
    let value = fs::read_to_string(&above).with_context(|| format!("can't read {}", above.display()))?;
    fs::write(&own, value.trim()).with_context(|| format!("can't write {}", own.display()))
}

fn hand_down(folder: &Path) -> anyhow::Result<()> {
    let file = folder.join("cgroup.subtree_control");
    let wanted = CONTROLLERS.map(|controller| format!("+{controller}")).join(" ");
    fs::write(&file, wanted).with_context(|| format!("can't hand controllers down in {}", file.display()))
}

/// Processes in a cgroup and all below.
fn members(folder: &Path) -> BTreeSet<ProcessIdentity> {
    let own = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let own = own.lines().filter_map(|line| ProcessIdentity::of(line.parse().ok()?));
    own.chain(folders_in(folder).iter().flat_map(|child| members(child))).collect()
}

fn remove(folder: &Path) -> std::io::Result<()> {
    folders_in(folder).iter().try_for_each(|child| remove(child))?;
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
        cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
        cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n\
        cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";

    #[test]
    fn controllers_of_version_1_win_over_a_bare_version_2() {
        let cgroups = Cgroups::new(HYBRID, "x").unwrap();
        assert_eq!(cgroups.version, Version::V1);
        assert_eq!(
            cgroups.roots,
            ["cpu", "pids", "unified"].map(|mount| Path::new("/sys/fs/cgroup").join(mount).join("x"))
        );
        assert_eq!(cgroups.components(), Path::new("/sys/fs/cgroup/pids/x/components"));
    }

    #[test]
    fn version_2_has_one_hierarchy() {
        let cgroups = Cgroups::new("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "x").unwrap();
        assert_eq!(cgroups.version, Version::V2);
        assert_eq!(cgroups.components(), Path::new("/sys/fs/cgroup/x/components"));
        assert!(Cgroups::new("proc /proc proc rw 0 0\n", "x").is_err());
    }
}
