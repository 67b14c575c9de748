//! What can be set about the CPUs that workers run on.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// How workers get their CPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cpus {
    /// Whether each worker keeps to a CPU of its own.
    pub pinning: Pinning,
    /// The CPU limit of the process's container, if it is known and whole. A kubelet that gives a container CPUs of
    /// its own takes its quota away, so that the limit can't be read from inside.
    pub limit: Option<NonZeroU32>,
}

/// Whether each worker keeps to a CPU of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pinning {
    /// If the CPUs are shown to be the process's own. Beside others a pinned worker waits for its one CPU while another
    /// is free.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Whoever else uses the CPUs.
    Forced,
}
