//! The state between two runs, in a file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, bail};
use headroom_core::State;
use headroom_core::state::STATE_VERSION;

/// Largest state file, in bytes.
const LARGEST: u64 = 1 << 30;

/// The state in `path`; a file that does not exist yet holds none.
pub(super) fn load(path: &Path) -> anyhow::Result<State> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::default()),
        Err(error) => return Err(error).with_context(|| format!("{}: can't be read", path.display())),
    };
    if size > LARGEST {
        bail!("{}: {size} bytes is no state of headroom decide; delete it to start anew", path.display());
    }
    let text = fs::read(path).with_context(|| format!("{}: can't be read", path.display()))?;
    let state: State = serde_json::from_slice(&text).with_context(|| {
        format!("{}: is no state of headroom decide; delete it to start anew", path.display())
    })?;
    if state.version() != STATE_VERSION {
        bail!(
            "{}: has version {}, this headroom reads version {STATE_VERSION}; delete it to start anew",
            path.display(),
            state.version()
        );
    }
    Ok(state)
}

/// Writes the state to a file beside `path` first, so that a crash leaves the old one whole.
pub(super) fn save(path: &Path, state: &State) -> anyhow::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    fs::write(&name, serde_json::to_vec(state)?)
        .and_then(|()| fs::rename(&name, path))
        .with_context(|| format!("{}: can't be written", path.display()))
}
