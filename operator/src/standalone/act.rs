//! WRITE: makes the size what was decided, where the mode allows it.

use headroom_core::Decision;
use jiff::Timestamp;
use serde::Serialize;

use super::fleet::Fleet;
use crate::validate::Mode;

/// What was really done about a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// The size was changed.
    Scaled {
        /// Pods before.
        from: u32,
        /// Pods asked for now.
        to: u32,
    },
    /// It is what it should be.
    Unchanged,
    /// It should be another, and the mode says to leave it.
    ObserveOnly,
}

/// Writes the decided size.
pub(super) fn act(fleet: &mut Fleet, mode: Mode, decision: &Decision, now: Timestamp) -> Outcome {
    let (from, to) = (fleet.target(), decision.target_replicas.0);
    if from == to {
        return Outcome::Unchanged;
    }
    match mode {
        Mode::Active => {
            fleet.resize(to, now);
            Outcome::Scaled { from, to }
        }
        Mode::Observe | Mode::Paused => Outcome::ObserveOnly,
    }
}
