//! The one way down. It trusts nothing to have ended well: what runs in the cluster's cgroups is killed, then everything
//! below the run folder is unmounted and removed. Each part may be missing already.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use rustix::mount::{UnmountFlags, unmount};

use super::cgroups::Cgroups;
use super::component::Component;
use super::place::Place;

/// Where containerd's shims put their sockets, whatever their containerd is told.
const SHIM_SOCKETS: &str = "/run/containerd/s";
/// Where network plugins keep what they answered.
const CNI_RESULTS: &str = "/var/lib/cni/results";
/// Where kubelets link the containers' logs, wherever these are.
const LOG_LINKS: &str = "/var/log/containers";
/// Where every kubelet of a machine, whatever its root is, waits for device plugins.
const DEVICE_PLUGINS: &str = "/var/lib/kubelet/device-plugins";

/// Removes every trace of a local cluster.
pub fn remove_local(place: &Place) -> anyhow::Result<()> {
    if let Ok(cgroups) = Cgroups::of_machine(place.name()) {
        cgroups.kill_all()?;
        cgroups.remove()?;
    }
    // All of them ran in the cgroups; a record is for those that were moved out by hand.
    Component::all(place).iter().try_for_each(Component::kill)?;
    let containers = containers(place);
    for socket in shim_sockets(&containers) {
        forget(fs::remove_file(&socket), &socket)?;
    }
    unmount_below(place.run())?;
    remove_cni_results(&containers)?;
    remove_links(Path::new(LOG_LINKS), place.run())?;
    remove_device_plugin_socket()?;
    // Folders that others may use too go only when they are empty.
    for shared in [
        SHIM_SOCKETS,
        "/run/containerd",
        CNI_RESULTS,
        "/var/lib/cni",
        LOG_LINKS,
        DEVICE_PLUGINS,
        "/var/lib/kubelet",
    ] {
        let _ = fs::remove_dir(shared);
    }
    remove_run_folder(place)
}

/// Removes the run folder, in which nothing may be mounted any more.
pub fn remove_run_folder(place: &Place) -> anyhow::Result<()> {
    ensure!(
        mounts_below(place.run())?.is_empty(),
        "something is still mounted below {}",
        place.run().display()
    );
    forget(fs::remove_dir_all(place.run()), place.run())
}

/// Folders of containers and of pods' sandboxes, each called by its identifier.
fn containers(place: &Place) -> Vec<PathBuf> {
    let kept = ["state/io.containerd.runtime.v2.task/k8s.io", "root/io.containerd.grpc.v1.cri/sandboxes"];
    let nodes = entries(&place.file("nodes"));
    let folders = nodes.iter().flat_map(|node| kept.map(|folder| node.join("containerd").join(folder)));
    folders.flat_map(|folder| entries(&folder)).collect()
}

/// Each container's folder names the socket of its shim.
fn shim_sockets(containers: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let addresses =
        containers.iter().filter_map(|container| fs::read_to_string(container.join("address")).ok());
    let sockets =
        addresses.filter_map(|address| Some(PathBuf::from(address.trim().strip_prefix("unix://")?)));
    sockets.filter(|socket| socket.starts_with(SHIM_SOCKETS))
}

/// Results are called NETWORK-IDENTIFIER-INTERFACE, and the loopback's network has the same name everywhere.
fn remove_cni_results(containers: &[PathBuf]) -> anyhow::Result<()> {
    let identifiers: Vec<_> =
        containers.iter().filter_map(|container| container.file_name()?.to_str()).collect();
    let is_ours = |file: &&PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.split('-').any(|part| identifiers.contains(&part))
    };
    entries(Path::new(CNI_RESULTS))
        .iter()
        .filter(is_ours)
        .try_for_each(|file| forget(fs::remove_file(file), file))
}

fn unmount_below(folder: &Path) -> anyhow::Result<()> {
    // Mounts lie on one another: each round takes the uppermost.
    for _ in 0..16 {
        let mounts = mounts_below(folder)?;
        if mounts.is_empty() {
            return Ok(());
        }
        for mount in mounts.iter().rev() {
            // One that went with another is no error; one that stays is found in the next round.
            let _ = unmount(mount, UnmountFlags::DETACH);
        }
    }
    bail!("can't unmount everything below {}; still there: {:?}", folder.display(), mounts_below(folder)?)
}

fn mounts_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("can't read /proc/self/mountinfo")?;
    Ok(mount_points(&table).filter(|mount| mount.starts_with(folder)).collect())
}

/// The fifth field of each line, in the order in which they were mounted.
fn mount_points(table: &str) -> impl Iterator<Item = PathBuf> {
    table.lines().filter_map(|line| Some(unescape(line.split(' ').nth(4)?)))
}

/// Blanks and the like are written as a backslash and three octal digits.
fn unescape(field: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = || u8::from_str_radix(std::str::from_utf8(after.get(..3)?).ok()?, 8).ok();
        let (byte, used) = match (first, octal()) {
            (b'\\', Some(byte)) => (byte, 4),
            (byte, _) => (*byte, 1),
        };
        bytes.push(byte);
        rest = &rest[used..];
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn remove_links(folder: &Path, target: &Path) -> anyhow::Result<()> {
    let points_there = |link: &PathBuf| fs::read_link(link).is_ok_and(|to| to.starts_with(target));
    entries(folder)
        .into_iter()
        .filter(points_there)
        .try_for_each(|link| forget(fs::remove_file(&link), &link))
}

/// The last kubelet to start owns it; it goes unless that one still listens.
fn remove_device_plugin_socket() -> anyhow::Result<()> {
    let socket = Path::new(DEVICE_PLUGINS).join("kubelet.sock");
    match UnixStream::connect(&socket) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            forget(fs::remove_file(&socket), &socket)
        }
        _ => Ok(()),
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// What is not there need not be removed.
fn forget(result: std::io::Result<()>, path: &Path) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_blanks() {
        let table =
            "31 23 0:26 / /run/a rw - tmpfs tmpfs rw\n32 31 0:4 net:[1] /run/a\\040b/c rw - nsfs nsfs rw\n";
        let points: Vec<_> = mount_points(table).collect();
        assert_eq!(points, [Path::new("/run/a"), Path::new("/run/a b/c")]);
        // A folder whose name only begins alike is another one.
        assert!(!points[1].starts_with("/run/a"));
    }

    #[test]
    fn only_links_into_the_run_folder_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let link = |name: &str, to: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        link("ours", "/run/x/pod-logs/0.log");
        link("theirs", "/var/log/pods/0.log");
        remove_links(folder.path(), Path::new("/run/x")).unwrap();
        assert_eq!(entries(folder.path()), [folder.path().join("theirs")]);
    }
}
