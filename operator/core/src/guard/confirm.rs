//! A jump seen in a single look may be an error of measurement: it grows the size only so far.

use super::Facts;
use crate::decision::ReasonCode;
use crate::plan::Proposal;
use crate::units::Replicas;

/// Growth allowed without confirmation: the larger of so many pods and a doubling, within so many seconds.
const PODS: u32 = 4;
const FACTOR: u32 = 2;
const SECONDS: f64 = 15.0;

pub(super) fn confirm(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    let Some(per_pod) = facts.capacity.per_pod.filter(|_| facts.grows(&proposal)) else {
        return proposal;
    };
    let start = facts.state.sizes.smallest_within(SECONDS, facts.now, facts.current).0;
    let unconfirmed = start.saturating_add(PODS).max(start.saturating_mul(FACTOR));
    let confirmed = Replicas::to_carry(facts.demand.confirmed.max(facts.policy.reserve()), per_pod);
    let limit = Replicas(unconfirmed).max(confirmed).max(facts.current);
    let target = proposal.target.min(limit);
    proposal.change(target, ReasonCode::Unconfirmed, || {
        format!("two looks agree on {:.0}/s only; one alone adds at most {PODS} pods or doubles them in {SECONDS:.0} s",
            facts.demand.confirmed.get())
    });
    proposal
}
