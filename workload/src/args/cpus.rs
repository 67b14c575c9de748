//! The flags about the CPUs that workers run on.

use std::num::NonZeroU32;

use clap::ValueEnum;

use crate::settings::{Cpus, Pinning};

/// How workers get their CPUs.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CpuArgs {
    /// Whether each worker keeps to a CPU of its own; auto: if they are shown to be the process's own.
    #[arg(long, env = "HEADROOM_WORKLOAD_PINNING", default_value = "auto")]
    pinning: Pinned,
    /// The whole CPUs of the container's limit, if it has one: a kubelet that gives a container CPUs of its own takes
    /// away the quota that would say it.
    #[arg(long, env = "HEADROOM_WORKLOAD_CPU_LIMIT", value_name = "CPUS")]
    cpu_limit: Option<NonZeroU32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pinned {
    Auto,
    Off,
    Forced,
}

impl From<CpuArgs> for Cpus {
    fn from(args: CpuArgs) -> Self {
        let pinning = match args.pinning {
            Pinned::Auto => Pinning::Auto,
            Pinned::Off => Pinning::Off,
            Pinned::Forced => Pinning::Forced,
        };
        Self { pinning, limit: args.cpu_limit }
    }
}
