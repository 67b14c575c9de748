//! PURE: what the user wrote becomes what the core works with, or an error that names the field.

use std::ffi::OsString;

use headroom_core::Policy;

/// Whether sizes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Decides and writes.
    Active,
    /// Decides and shows.
    Observe,
    /// Keeps the last size and decides nothing.
    Paused,
}

/// One service, ready to be run.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What it must hold.
    pub policy: Policy,
    /// Whether sizes are written.
    pub mode: Mode,
    /// Arguments of the bundled server.
    pub server_args: Vec<OsString>,
}
