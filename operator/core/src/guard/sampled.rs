//! A sample of the pods is enough to grow and to hold, not to shrink: all are asked first.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;

pub(super) fn sampled(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if facts.shrinks(&proposal) && facts.look.unasked > 0 {
        proposal.change(facts.current, ReasonCode::Sampled, || {
            format!(
                "{} of {} running pods were not asked this time: all are asked before the size shrinks",
                facts.look.unasked, facts.look.running
            )
        });
    }
    proposal
}
