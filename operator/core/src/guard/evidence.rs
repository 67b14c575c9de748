//! Ignorance never shrinks a service: without answers the size stays, few missing ones count as fully loaded.

use super::Facts;
use crate::decision::ReasonCode;
use crate::observation::Inventory;
use crate::plan::Proposal;
use crate::units::{Rate, Replicas};

/// Share of the pods that must have answered for the size to shrink.
const ENOUGH: f64 = 0.8;

pub(super) fn evidence(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    let look = facts.look;
    if look.fresh == 0 {
        let target = proposal.target.clamp(facts.current, reserved(facts).max(facts.current));
        proposal.change(target, ReasonCode::EvidenceAbsent, || {
            format!("none of {} running pods has told its load: the size stays", look.running)
        });
    } else if facts.shrinks(&proposal) {
        few(facts, &mut proposal);
    }
    proposal
}

/// Pods may have come or gone unseen: the size does not shrink.
pub(super) fn inventory(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if facts.shrinks(&proposal) && facts.seen.inventory == Inventory::Stale {
        proposal.change(facts.current, ReasonCode::EvidenceStale, || {
            "what is known of the cluster may be old, for it has been silent: the size does not shrink"
                .to_owned()
        });
    }
    proposal
}

/// What the reserve needs: the only reason to grow without evidence.
fn reserved(facts: &Facts<'_>) -> Replicas {
    let reserve = facts.policy.reserve();
    facts.capacity.per_pod.map_or(Replicas(0), |per_pod| Replicas::to_carry(reserve, per_pod))
}

/// Too few answers hold the size; few missing ones count as fully loaded.
fn few(facts: &Facts<'_>, proposal: &mut Proposal) {
    let look = facts.look;
    if f64::from(look.fresh) < ENOUGH * f64::from(look.running) {
        proposal.change(facts.current, ReasonCode::EvidencePartial, || {
            format!(
                "only {} of {} running pods have told their load: the size does not shrink",
                look.fresh, look.running
            )
        });
    } else if let Some(per_pod) = facts.capacity.per_pod {
        let silent = f64::from(look.missing() + look.first);
        let loaded = Rate::new(per_pod.get().max(look.largest) * silent - look.assumed);
        let floor = Replicas::to_carry(facts.need.demand + loaded, per_pod);
        let target = proposal.target.max(floor.min(facts.current));
        proposal.change(target, ReasonCode::EvidencePartial, || {
            format!("{silent:.0} of {} running pods did not answer and count as fully loaded", look.running)
        });
    }
}
