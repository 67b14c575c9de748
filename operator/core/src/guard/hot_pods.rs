//! While some pod is over its capacity, the size does not shrink, however idle the others are.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;

pub(super) fn hot_pods(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if facts.shrinks(&proposal) && facts.look.hot > 0 {
        proposal.change(facts.current, ReasonCode::HotPods, || {
            format!("{} of {} ready pods miss the objectives", facts.look.hot, facts.look.ready)
        });
    }
    proposal
}
