//! Programs that come with the system: looked for, and installed from Debian's packages where this process may.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::command::{find, output};
use super::progress::Progress;

/// Where Debian keeps network plugins.
pub const CNI_PLUGINS: &str = "/usr/lib/cni";

/// A program and the package that has it.
const NEEDED: [(&str, &str); 14] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("nft", "nftables"),
    ("iptables", "iptables"),
    ("conntrack", "conntrack"),
    ("socat", "socat"),
    ("ip", "iproute2"),
    ("sysctl", "procps"),
    ("nsenter", "util-linux"),
    ("openssl", "openssl"),
    ("buildah", "buildah"),
    ("cc", "gcc"),
    ("/usr/include/stdlib.h", "libc6-dev"),
];

/// Makes sure that every program is there and that this process may make namespaces. The error names all that is missing.
pub fn ensure(progress: &Progress) -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "the local provider makes network namespaces and cgroups and needs root: run the command with sudo, or start \
             a Docker engine, with which the kind provider needs no root"
        );
    }
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if find("apt-get").is_none() {
        bail!(
            "missing: {packages} (names of Debian's packages). Install what has these programs and run this again"
        );
    }
    progress.step(&format!("install {packages}"), || install(&missing))
}

fn missing() -> Vec<&'static str> {
    let is_there =
        |file: &str| if file.starts_with('/') { Path::new(file).exists() } else { find(file).is_some() };
    NEEDED.iter().filter(|(file, _)| !is_there(file)).map(|(_, package)| *package).collect()
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    let install = || output(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(packages));
    // The lists may be missing or old; fetching them first would cost seconds each time.
    if install().is_err() {
        output(apt_get().arg("update"))?;
        install().with_context(|| format!("can't install {}", packages.join(" ")))?;
    }
    Ok(())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet");
    command
}
