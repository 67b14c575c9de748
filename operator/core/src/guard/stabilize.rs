//! `behavior.*.stabilizationWindowSeconds`: the most cautious recommendation of the window counts (HPA's rule).

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;

pub(super) fn stabilize(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    let recommendations = &facts.state.recommendations;
    if let Some(largest) = recommendations.largest().filter(|_| facts.shrinks(&proposal)) {
        let target = proposal.target.max(largest.min(facts.current));
        let window = facts.policy.behavior().scale_down.stabilization_window;
        let by_other = facts.state.sizes.set_by_other(window.as_secs_f64(), facts.now) == Some(largest);
        let (code, what) = match by_other {
            true => (ReasonCode::ScaledByOther, "set by somebody else"),
            false => (ReasonCode::ScaleDownStabilized, "recommended"),
        };
        proposal.change(target, code, || {
            format!("{largest} pods were {what} within the last {} s", window.as_secs())
        });
    }
    if let Some(smallest) = recommendations.smallest().filter(|_| facts.grows(&proposal)) {
        let target = proposal.target.min(smallest.max(facts.current));
        let window = facts.policy.behavior().scale_up.stabilization_window.as_secs();
        proposal.change(target, ReasonCode::ScaleUpStabilized, || {
            format!("only {smallest} pods were recommended within the last {window} s")
        });
    }
    proposal
}
