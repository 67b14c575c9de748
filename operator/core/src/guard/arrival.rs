//! Pods that don't become ready are no reason to ask for more of them: growth backs off.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;

/// After so many times the age at which pods are overdue, one more step is tried: the one that is stuck may be alone.
const BACK_OFF: f64 = 4.0;

/// No second step of growth while pods are far too late and none of the last step has become ready.
pub(super) fn arrival(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    let Some(growth) = facts.state.sizes.last_growth() else { return proposal };
    let overdue_after = facts.state.lead.overdue_after();
    let arrived = facts.state.last_arrival.is_some_and(|arrival| arrival >= growth);
    let waited = facts.now.seconds_since(growth) >= BACK_OFF * overdue_after;
    if facts.grows(&proposal) && facts.look.overdue > 0 && !arrived && !waited {
        proposal.change(facts.current, ReasonCode::ScaleUpBlocked, || {
            format!(
                "{} pods are starting for more than {overdue_after:.0} s and none became ready: the size does not \
                 grow for {:.0} s after its last growth",
                facts.look.overdue,
                BACK_OFF * overdue_after
            )
        });
    }
    proposal
}
