//! The built programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The program of this name, in the directory into which the running test was built. `cargo test --workspace` builds
/// every program; where one is missing it is built now. One that is there is taken as it is: after a change
/// `cargo build --workspace` makes it current.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("where is this test?")?;
    let directory = test.ancestors().nth(2).context("a test lies in target/PROFILE/deps")?;
    let path = directory.join(name);
    if !path.is_file() {
        build(name, directory)?;
    }
    ensure!(path.is_file(), "{} was not built", path.display());
    Ok(path)
}

fn build(name: &str, directory: &Path) -> anyhow::Result<()> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "-p", name]);
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    if let Some(target) = directory.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let status = cargo.status().context("failed to start cargo")?;
    ensure!(status.success(), "cargo build -p {name} failed");
    Ok(())
}
