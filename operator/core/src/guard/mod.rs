//! What keeps a proposal safe. Each guard may only move the target, and says why when it does.

mod arrival;
mod blocked;
mod bounds;
mod budget;
mod confirm;
mod evidence;
mod freeze;
mod hot_pods;
mod rate;
mod ready;
mod sampled;
mod stabilize;
mod tolerance;

pub(crate) use tolerance::tolerance;

use crate::estimate::capacity::Capacity;
use crate::estimate::demand::Demand;
use crate::observation::Observation;
use crate::plan::{Need, Proposal};
use crate::policy::Policy;
use crate::state::{Look, State};
use crate::time::Moment;
use crate::units::Replicas;

/// Everything a guard may look at.
pub(crate) struct Facts<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) state: &'a State,
    pub(crate) seen: &'a Observation,
    pub(crate) current: Replicas,
    pub(crate) look: &'a Look,
    pub(crate) demand: &'a Demand,
    pub(crate) capacity: Capacity,
    pub(crate) need: Need,
    pub(crate) now: Moment,
}

/// One guard.
type Guard = fn(&Facts<'_>, Proposal) -> Proposal;

/// In the order in which they are applied. What must never shrink comes first, the user's limits follow, and the
/// bounds are last, so that nothing can leave them.
const ALL: [Guard; 13] = [
    evidence::evidence,
    evidence::inventory,
    freeze::freeze,
    ready::ready,
    budget::budget,
    hot_pods::hot_pods,
    arrival::arrival,
    blocked::blocked,
    confirm::confirm,
    stabilize::stabilize,
    rate::rate,
    sampled::sampled,
    bounds::bounds,
];

/// Applies every guard.
pub(crate) fn all(facts: &Facts<'_>, proposal: Proposal) -> Proposal {
    ALL.iter().fold(proposal, |proposal, guard| guard(facts, proposal))
}

impl Facts<'_> {
    /// Whether the proposal removes pods.
    fn shrinks(&self, proposal: &Proposal) -> bool {
        proposal.target < self.current
    }

    /// Whether the proposal adds pods.
    fn grows(&self, proposal: &Proposal) -> bool {
        proposal.target > self.current
    }
}

#[cfg(test)]
mod tests;
