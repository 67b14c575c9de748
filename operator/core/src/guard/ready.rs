//! Shrinking leaves enough *ready* pods for the highest demand of the stabilisation window, whichever pods go.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;
use crate::units::Replicas;

pub(super) fn ready(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if !facts.shrinks(&proposal) {
        return proposal;
    }
    let needed = facts.state.recommendations.largest().max(facts.need.replicas).unwrap_or(facts.current);
    let unready = facts.current.0.saturating_sub(facts.look.ready);
    let floor = Replicas(needed.0.saturating_add(unready)).min(facts.current);
    let target = proposal.target.max(floor);
    if unready > 0 {
        proposal.change(target, ReasonCode::NotEnoughReady, || {
            format!("{unready} of {} pods are not ready, and {needed} ready ones are needed", facts.current)
        });
    }
    proposal
}
