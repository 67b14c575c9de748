//! What a cluster is wanted for.

use anyhow::ensure;

use super::kind;
use super::state::Provider;

/// Addresses and pod ranges are numbered with one digit.
const MOST_NODES: u8 = 9;
/// Which provider is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// `kind` where a Docker engine answers, else `local`.
    Auto,
    /// Processes of this machine; needs root.
    Local,
    /// Docker containers.
    Kind,
}

/// How long a cluster lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until somebody takes it down.
    Kept,
    /// No longer than this process, whose watchdog takes it down.
    OfThisProcess,
}

/// What a cluster is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// What makes it.
    pub provider: Choice,
    /// How many nodes take pods, 1 to 9.
    pub nodes: u8,
    /// How long it lives.
    pub lifetime: Lifetime,
}

impl Wish {
    pub(super) fn check(self) -> anyhow::Result<()> {
        ensure!(
            (1..=MOST_NODES).contains(&self.nodes),
            "a cluster has 1 to {MOST_NODES} nodes, not {}",
            self.nodes
        );
        Ok(())
    }
}

impl Choice {
    pub(super) fn resolve(self) -> Provider {
        match self {
            Self::Kind => Provider::Kind,
            Self::Auto if kind::docker_answers() => Provider::Kind,
            Self::Local | Self::Auto => Provider::Local,
        }
    }
}

/// Whether `up` had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was there, and well.
    Found,
    /// It was made.
    Made,
}
