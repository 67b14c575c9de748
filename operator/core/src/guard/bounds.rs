//! `minReplicas` and `maxReplicas`. The last guard: nothing leaves them.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;

pub(super) fn bounds(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    let (min, max) = (facts.policy.min_replicas(), facts.need.max);
    let target = proposal.target;
    let what =
        if facts.policy.max_replicas().is_some() { "maxReplicas" } else { "what objectives.qps needs" };
    proposal.change(target.min(max), ReasonCode::TooManyReplicas, || {
        format!("{target} pods would be needed, {what} is {max}")
    });
    let target = proposal.target;
    proposal.change(target.max(min), ReasonCode::TooFewReplicas, || {
        format!("{target} pods would do, minReplicas is {min}")
    });
    proposal
}
