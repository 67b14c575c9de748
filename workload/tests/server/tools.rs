//! Programs that tests use, built from Go modules with the versions of their `go.mod`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program of `package`, built in `tests/tools/NAME`; or why there is none.
pub(crate) fn build(name: &str, package: &str) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools").join(name);
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut command = Command::new("go");
    command.current_dir(folder).args(["build", "-o"]).arg(&program);
    match command.arg(package).output() {
        Ok(built) if built.status.success() => Ok(program),
        Ok(built) => Err(format!("{name} does not build: {}", String::from_utf8_lossy(&built.stderr))),
        Err(error) => Err(format!("{name} needs Go: {error}")),
    }
}
