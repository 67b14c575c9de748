//! While the objectives are being missed, the size does not shrink.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;

/// Seconds over which bad answers are counted: what is over for longer is the stabilisation window's business.
const WINDOW: f64 = 15.0;
/// Standard deviations beyond which it is no chance.
const DEVIATIONS: f64 = 3.0;

pub(super) fn budget(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if !facts.shrinks(&proposal) {
        return proposal;
    }
    let entries = facts.state.load.since(facts.now.minus(WINDOW));
    let sum = |value: fn(&crate::state::load::Entry) -> f64| entries.iter().map(value).sum::<f64>();
    let finished = sum(|e| e.finished);
    let chance = |allowed: f64| DEVIATIONS * (finished / allowed).sqrt();
    let late = sum(|e| e.excess);
    let unavailable = 1.0 - facts.policy.availability().get();
    let failed = sum(|e| e.failed) / unavailable;
    let worst = late.max(failed);
    if late > finished + chance(facts.policy.least_allowed()) || failed > finished + chance(unavailable) {
        proposal.change(facts.current, ReasonCode::BudgetLow, || {
            format!(
                "the last {WINDOW:.0} s had {:.1} times the bad answers that the objectives allow",
                worst / finished
            )
        });
    }
    proposal
}
