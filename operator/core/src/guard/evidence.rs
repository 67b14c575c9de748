//! Ignorance never shrinks a service: missing answers hold the size, few missing ones count as fully loaded.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;
use crate::units::Replicas;

/// Share of the pods that must have answered for the size to shrink.
const ENOUGH: f64 = 0.8;

pub(super) fn evidence(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if !facts.shrinks(&proposal) {
        return proposal;
    }
    let look = facts.look;
    if look.fresh == 0 {
        proposal.change(facts.current, ReasonCode::EvidenceAbsent, || {
            format!(
                "none of {} running pods has told its load: the size does not shrink",
                look.running
            )
        });
    } else if f64::from(look.fresh) < ENOUGH * f64::from(look.running) {
        proposal.change(facts.current, ReasonCode::EvidencePartial, || {
            format!(
                "only {} of {} running pods have told their load: the size does not shrink",
                look.fresh, look.running
            )
        });
    } else if let Some(per_pod) = facts.capacity.per_pod {
        let silent = f64::from(look.missing() + look.first);
        let loaded = per_pod.get().max(look.largest) * silent - look.assumed;
        let floor = Replicas::to_carry(facts.need.demand + crate::units::Rate::new(loaded), per_pod);
        let target = proposal.target.max(floor.min(facts.current));
        proposal.change(target, ReasonCode::EvidencePartial, || {
            format!(
                "{silent:.0} of {} running pods did not answer and count as fully loaded",
                look.running
            )
        });
    }
    proposal
}
