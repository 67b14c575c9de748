//! Shrinking that is frozen everywhere stays frozen here: many services that want to shrink at once have a fault in
//! common more often than a calm. Growth goes on.

use super::Facts;
use crate::decision::ReasonCode;
use crate::observation::Shrinking;
use crate::plan::Proposal;

pub(super) fn freeze(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if facts.shrinks(&proposal) && facts.seen.shrinking == Shrinking::Frozen {
        proposal.change(facts.current, ReasonCode::Frozen, || {
            "shrinking is frozen for all services: too many of them would have shrunk or fell silent at once"
                .to_owned()
        });
    }
    proposal
}
