//! Ctrl-C and TERM as a flag: work stops at its next step and everything is put away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// From now on an interrupt, a TERM and a hang-up only set the flag.
pub fn catch() -> anyhow::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&INTERRUPTED)).context("can't catch signals")?;
    }
    Ok(())
}

/// Whether one came since the last call of [`take`].
pub fn pending() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Whether one came; the next starts afresh.
pub fn take() -> bool {
    INTERRUPTED.swap(false, Ordering::Relaxed)
}

/// An error once one came.
pub fn check() -> anyhow::Result<()> {
    if pending() {
        bail!("interrupted");
    }
    Ok(())
}
