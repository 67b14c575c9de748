//! Images without a registry: archives that are built here and imported on each node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::command::{find, output};
use super::place::{Place, fnv1a, make_folder};
use super::tools::cache_folder;

/// The image that holds a pod's namespaces.
pub const PAUSE: &str = "registry.local/headroom-e2e/pause:1";

/// The archive of the pause image, which is made first where it is missing.
pub fn ensure_pause(place: &Place) -> anyhow::Result<PathBuf> {
    let source = place.checkout().join("e2e/tools/pause");
    let read = |name: &str| {
        fs::read(source.join(name)).with_context(|| format!("can't read {name} of the pause image"))
    };
    let key = fnv1a(&[&read("pause.c")?, &read("Dockerfile")?, PAUSE.as_bytes()]);
    let cache = cache_folder()?;
    let archive = cache.join(format!("pause-{key:016x}.tar"));
    if archive.is_file() {
        return Ok(archive);
    }
    make_folder(&cache)?;
    let work = tempfile::Builder::new().prefix("unfinished-").tempdir_in(&cache)?;
    let context = work.path().join("context");
    make_folder(&context)?;
    fs::copy(source.join("Dockerfile"), context.join("Dockerfile"))?;
    let mut compile = Command::new("cc");
    compile.args(["-Os", "-static", "-s", "-o"]).arg(context.join("pause")).arg(source.join("pause.c"));
    output(&mut compile)?;
    let unfinished = work.path().join("pause.tar");
    build(&context, PAUSE, work.path(), &unfinished)?;
    fs::rename(&unfinished, &archive).context("can't keep the pause image")?;
    Ok(archive)
}

/// Builds the Dockerfile of a folder into an archive. `work` takes what the build leaves behind.
fn build(context: &Path, image: &str, work: &Path, archive: &Path) -> anyhow::Result<()> {
    let buildah = || {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(work.join("storage")).arg("--runroot").arg(work.join("run"));
        command.args(["--storage-driver", "vfs"]);
        command
    };
    // Without a registry and without namespaces of its own; nothing is run in the image.
    output(buildah().args(["bud", "--isolation", "chroot", "--tag", image]).arg(context))?;
    let target = format!("docker-archive:{}:{image}", archive.display());
    output(buildah().args(["push", image, &target])).map(drop)
}

/// Whether a containerd answers.
pub fn answers(socket: &Path) -> bool {
    socket.exists() && output(ctr(socket).args(["--timeout", "2s", "version"])).is_ok()
}

/// Imports an archive (`docker save`, `buildah push docker-archive:`) on one node.
pub fn import(socket: &Path, archive: &Path) -> anyhow::Result<()> {
    let mut import = ctr(socket);
    import.args(["--namespace", "k8s.io", "images", "import"]).arg(archive);
    output(&mut import).with_context(|| format!("can't import {}", archive.display())).map(drop)
}

fn ctr(socket: &Path) -> Command {
    let mut command = Command::new(find("ctr").unwrap_or_else(|| "ctr".into()));
    command.arg("--address").arg(socket);
    command
}
