//! Which pods to ask at the next look: a sample of a large, calm service is cheap and shows a step all the same.

use crate::decision::{Ask, ReasonCode};
use crate::guard::Facts;
use crate::plan::Proposal;
use crate::state::sampling::Movement;

/// Services of so many running pods are asked whole: a sample would save nothing.
const FEW: u32 = 50;
/// Share of the pods that must have told their load for a sample to be trusted.
const ENOUGH: f64 = 0.8;

/// Whole where something moves, or might unseen.
pub(crate) fn ask(facts: &Facts<'_>, proposal: &Proposal) -> Ask {
    let look = facts.look;
    let waits = proposal.reasons.iter().any(|reason| reason.code == ReasonCode::Sampled);
    let moves = proposal.target != facts.current || waits || look.starting > 0;
    let unsteady =
        look.movement != Movement::Calm || facts.demand.stepped || facts.demand.trend_rise.get() > 0.0;
    let unsure = look.fresh_share().get() < ENOUGH || look.hot > 0 || facts.state.is_blind(facts.now);
    if look.running <= FEW || moves || unsteady || unsure { Ask::EveryPod } else { Ask::Sample }
}
