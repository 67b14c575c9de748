//! `minReplicas` and `maxReplicas`. The last guard: nothing leaves them.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;
use crate::units::Replicas;

pub(super) fn bounds(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    let (min, max) = (facts.policy.min_replicas(), facts.need.max);
    proposal = at_most(facts, proposal, max);
    let target = proposal.target;
    proposal.change(target.max(min), ReasonCode::TooFewReplicas, || {
        format!("{target} pods would do, minReplicas is {min}")
    });
    proposal
}

/// A size that somebody set above the bound is no need for a larger one.
fn at_most(facts: &Facts<'_>, mut proposal: Proposal, max: Replicas) -> Proposal {
    let what =
        if facts.policy.max_replicas().is_some() { "maxReplicas" } else { "what objectives.qps needs" };
    let (current, target) = (facts.current, proposal.target);
    let needed = facts.need.replicas.filter(|needed| *needed > max);
    if needed.is_none() && current > max {
        proposal.change(target.min(max), ReasonCode::AboveMaximum, || {
            format!("the size is {current} pods, {what} is {max}")
        });
    } else {
        let needed = needed.unwrap_or(target);
        proposal.change(target.min(max), ReasonCode::TooManyReplicas, || {
            format!("{needed} pods would be needed, {what} is {max}")
        });
    }
    proposal
}
