//! Prometheus and promtool, taken out of Debian's package without installing it: no service is wanted, and none is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::command::{find, output};
use super::progress::Progress;
use super::tools::cache_folder;

const PROGRAMS: [&str; 2] = ["prometheus", "promtool"];

/// The programs, from the PATH, from an earlier run, or from the package. None, with a word about it, where there is no
/// such package: only the tests of alerts and dashboards need them.
pub fn ensure(progress: &Progress) -> Vec<PathBuf> {
    let found: Vec<_> = PROGRAMS.iter().filter_map(|program| find(program)).collect();
    if found.len() == PROGRAMS.len() {
        return found;
    }
    let Ok(cache) = cache_folder() else { return Vec::new() };
    let kept: Vec<_> = PROGRAMS.iter().map(|program| cache.join(program)).collect();
    let all_there = || kept.iter().all(|program| program.is_file());
    if !all_there() && progress.step("fetch Prometheus", || fetch(&cache)).is_err() {
        progress.say("         Prometheus is missing: install it to have alerts and dashboards tested");
    }
    if all_there() { kept } else { Vec::new() }
}

fn fetch(cache: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(cache)?;
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
    for program in PROGRAMS {
        fs::rename(work.path().join("root/usr/bin").join(program), cache.join(program))
            .with_context(|| format!("the package has no {program}"))?;
    }
    Ok(())
}
