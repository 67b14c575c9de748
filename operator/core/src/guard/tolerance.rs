//! `behavior.*.tolerance`: a small miss is not worth acting on (HPA's rule: the ratio of demand to capacity). It comes
//! before the proposal counts as a recommendation, as in the HPA.

use crate::decision::ReasonCode;
use crate::estimate::capacity::Capacity;
use crate::plan::{Need, Proposal};
use crate::policy::Policy;
use crate::units::Replicas;

pub(crate) fn tolerance(
    policy: &Policy,
    current: Replicas,
    need: &Need,
    capacity: Capacity,
    mut proposal: Proposal,
) -> Proposal {
    let Some(per_pod) = capacity.per_pod else {
        return proposal;
    };
    let ratio = need.demand.get() / (per_pod.get() * f64::from(current.0));
    let (up, down) = (policy.behavior().scale_up.tolerance, policy.behavior().scale_down.tolerance);
    let tolerated = (proposal.target > current && ratio <= 1.0 + up)
        || (proposal.target < current && down > 0.0 && ratio >= 1.0 - down);
    if tolerated {
        proposal.change(current, ReasonCode::WithinTolerance, || {
            format!(
                "demand is {:.0} % of the capacity of {current} pods: within the tolerance",
                ratio * 100.0
            )
        });
    }
    proposal
}
