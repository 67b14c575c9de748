//! Pods that never become ready are no reason to ask for more of them.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;

/// No second step of growth while pods of the last one are far too late and none of them has become ready.
pub(super) fn arrival(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if !facts.grows(&proposal) || facts.look.overdue == 0 {
        return proposal;
    }
    let arrived = match (facts.state.sizes.last_growth(), facts.state.last_arrival) {
        (Some(growth), Some(arrival)) => arrival >= growth,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    if !arrived {
        proposal.change(facts.current, ReasonCode::ScaleUpBlocked, || {
            format!(
                "{} pods are starting for more than {:.0} s and none became ready: the size does not grow",
                facts.look.overdue,
                facts.state.lead.overdue_after()
            )
        });
    }
    proposal
}
