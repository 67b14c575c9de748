//! WRITE: makes the size what was decided, where the mode allows it.

use headroom_core::Decision;
use jiff::Timestamp;

use super::fleet::Fleet;
use crate::outcome::Outcome;
use crate::validate::Mode;

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
