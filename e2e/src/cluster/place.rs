//! Where a cluster of this checkout keeps its things, and what they are called: a second checkout gets other names.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The names and folders of one checkout's cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    checkout: PathBuf,
    run: PathBuf,
    name: String,
}

/// Held as long as one process starts or ends the cluster.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

impl Place {
    /// The place of the checkout in which this program was built.
    pub fn of_this_checkout() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::new(package.parent().unwrap_or(package), &parent_of_run_folders())
    }

    /// The place of a checkout, with the run folder in `parent`.
    fn new(checkout: &Path, parent: &Path) -> Self {
        let hash = fnv1a(&[checkout.as_os_str().as_encoded_bytes()]);
        // Eight digits: two checkouts of one machine don't meet, and paths of sockets stay short of their limit.
        let name = format!("headroom-{:08x}", hash >> 32);
        Self { checkout: checkout.to_owned(), run: parent.join(&name), name }
    }

    /// The checkout's root.
    pub fn checkout(&self) -> &Path {
        &self.checkout
    }

    /// The name that network, cgroup and folder share.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The run folder: all that the cluster writes while it runs.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// A path in the run folder.
    pub fn file(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.run.join(relative)
    }

    /// The kubeconfig of the administrator, usable from the host.
    pub fn kubeconfig(&self) -> PathBuf {
        self.file("kubeconfig")
    }

    /// Links to the programs for users: kubectl, helm, kubeconform, promtool, prometheus.
    pub fn bin(&self) -> PathBuf {
        self.file("bin")
    }

    /// The API server's audit log, one event of JSON a line.
    pub fn audit_log(&self) -> PathBuf {
        self.file("audit/audit.log")
    }

    /// Logs of every component.
    pub fn logs(&self) -> PathBuf {
        self.file("logs")
    }

    /// Waits until no other process starts or ends this checkout's cluster. The lock lies on the checkout's own folder,
    /// so that nothing is left to remove.
    pub fn take_turn(&self) -> anyhow::Result<Turn> {
        let folder = File::open(&self.checkout)
            .with_context(|| format!("can't open the checkout {}", self.checkout.display()))?;
        folder.lock().context("can't lock the checkout's folder")?;
        Ok(Turn { _lock: folder })
    }
}

/// Root always uses the same folder, whatever the session's variables say: what `up` started in a login shell has to be
/// found by `down` under sudo.
fn parent_of_run_folders() -> PathBuf {
    let run = Path::new("/run");
    if rustix::process::geteuid().is_root() && run.is_dir() {
        return run.to_owned();
    }
    std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// FNV-1a of 64 bits over parts, each ended by its length: names folders, protects nothing.
pub fn fnv1a(parts: &[&[u8]]) -> u64 {
    let byte = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    parts.iter().fold(0xcbf2_9ce4_8422_2325, |hash, part| {
        let hash = part.iter().fold(hash, byte);
        (part.len() as u64).to_le_bytes().iter().fold(hash, byte)
    })
}

/// Makes a folder and all above it.
pub fn make_folder(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("can't make the folder {}", path.display()))
}

/// Writes a file whole, with the folders above it.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    path.parent().map_or(Ok(()), make_folder)?;
    fs::write(path, content).with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkouts_do_not_share_a_name() {
        let place = |checkout: &str| Place::new(Path::new(checkout), Path::new("/run"));
        assert_ne!(place("/home/a/headroom").name(), place("/home/b/headroom").name());
        assert_eq!(place("/home/a/headroom"), place("/home/a/headroom"));
        assert_eq!(place("/x").run().parent(), Some(Path::new("/run")));
    }

    #[test]
    fn a_byte_that_moves_to_the_next_part_changes_the_hash() {
        assert_ne!(fnv1a(&[b"ab", b"c"]), fnv1a(&[b"a", b"bc"]));
    }
}
