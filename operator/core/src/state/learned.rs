//! What outlives the process: capacity, time to ready and error budget, but no windows, which are stale by then.

use serde::{Deserialize, Serialize};

use super::State;
use super::budget::Budgets;
use super::lead::LeadTimes;
use crate::estimate::capacity::Capacities;

/// Version of the form of [`Learned`].
pub const LEARNED_VERSION: u32 = 1;

/// What was learned of a service and is worth keeping: at most 48 KiB as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Learned {
    version: u32,
    #[serde(default)]
    capacities: Capacities,
    #[serde(default)]
    lead: LeadTimes,
    #[serde(default)]
    budgets: Budgets,
}

/// Why what was kept is of no use. The service is learned anew: start from [`State::default`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LearnedError {
    /// Another version of the core wrote it.
    #[error("what was learned has version {found}, this version reads {LEARNED_VERSION}: it is learned anew")]
    UnknownVersion {
        /// The version it has.
        found: u32,
    },
    /// It holds what no service can have done.
    #[error("what was learned holds impossible {what}: it is learned anew")]
    Implausible {
        /// Which part.
        what: &'static str,
    },
}

impl Learned {
    /// Version of its form.
    pub fn version(&self) -> u32 {
        self.version
    }
}

impl State {
    /// What of this state is worth keeping.
    pub fn learned(&self) -> Learned {
        Learned {
            version: LEARNED_VERSION,
            capacities: self.capacities.most_recent(),
            lead: self.lead.clone(),
            budgets: self.budgets.rounded(),
        }
    }

    /// A state that knows what was learned, and has seen nothing: its first look begins a stabilisation window, in which
    /// nothing shrinks.
    ///
    /// # Errors
    /// Another version wrote it, or it was changed into something impossible.
    pub fn resume(learned: Learned) -> Result<Self, LearnedError> {
        let Learned { version, capacities, lead, budgets } = learned;
        if version != LEARNED_VERSION {
            return Err(LearnedError::UnknownVersion { found: version });
        }
        let checks = [
            (capacities.is_plausible(), "capacities"),
            (lead.is_plausible(), "times to ready"),
            (budgets.is_plausible(), "budgets"),
        ];
        match checks.into_iter().find(|(plausible, _)| !plausible) {
            Some((_, what)) => Err(LearnedError::Implausible { what }),
            None => Ok(Self { capacities, lead, budgets, ..Self::default() }),
        }
    }
}
