//! promtool, taken out of Debian's prometheus package without installing it: no server is wanted, and none is started.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use super::command::{find, output};
use super::progress::Progress;
use super::tools::cache_folder;

const PROGRAM: &str = "promtool";

/// The program, from the PATH, from an earlier run, or from the package. `None`, with a word about it, where there is no
/// such package: only the test of the alert rules needs it.
pub fn ensure(progress: &Progress) -> Option<PathBuf> {
    if let Some(found) = find(PROGRAM) {
        return Some(found);
    }
    let kept = cache_folder().ok()?.join(PROGRAM);
    if !kept.is_file() && progress.step("fetch promtool", || fetch(&kept)).is_err() {
        progress.say("         promtool is missing: install Prometheus to have the alert rules tested");
    }
    kept.is_file().then_some(kept)
}

fn fetch(kept: &std::path::Path) -> anyhow::Result<()> {
    let cache = kept.parent().context("a file lies in a folder")?;
    let work = tempfile::Builder::new().prefix("unfinished-").tempdir_in(cache)?;
    let download =
        || output(Command::new("apt-get").current_dir(&work).args(["--quiet", "download", "prometheus"]));
    if download().is_err() {
        output(Command::new("apt-get").args(["--quiet", "update"]))?;
        download()?;
    }
    let mut files = fs::read_dir(&work)?.flatten();
    let package =
        files.find(|file| file.file_name().to_string_lossy().ends_with(".deb")).context("no package came")?;
    output(Command::new("dpkg-deb").arg("--extract").arg(package.path()).arg(work.path().join("root")))?;
    fs::rename(work.path().join("root/usr/bin").join(PROGRAM), kept).context("the package has no promtool")
}
