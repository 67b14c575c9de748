//! While more answers are bad than the objectives allow, the size does not shrink.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;

/// Seconds over which bad answers are counted.
const WINDOW: f64 = 60.0;

pub(super) fn budget(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if !facts.shrinks(&proposal) {
        return proposal;
    }
    let entries = facts.state.load.since(facts.now.minus(WINDOW));
    let finished: f64 = entries.iter().map(|e| e.finished).sum();
    let excess: f64 = entries.iter().map(|e| e.excess).sum();
    if excess > finished {
        proposal.change(facts.current, ReasonCode::BudgetLow, || {
            format!(
                "the last minute had {:.1} times the bad answers that the objectives allow",
                excess / finished
            )
        });
    }
    proposal
}
