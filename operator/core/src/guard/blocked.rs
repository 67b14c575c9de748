//! Pods that can't start or be created: what demand needs is still asked for, but no other pods in their stead, and the
//! user hears why.

use super::Facts;
use crate::decision::ReasonCode;
use crate::observation::Trouble;
use crate::plan::Proposal;

/// Longest part of the cluster's own words that is passed on, in characters.
const LONGEST: usize = 200;

pub(super) fn blocked(facts: &Facts<'_>, mut proposal: Proposal) -> Proposal {
    if facts.look.blocked() > 0 {
        let needed = facts.need.replicas.unwrap_or(facts.current).max(facts.current);
        let target = proposal.target.min(needed);
        proposal.note(target, ReasonCode::ScaleUpBlocked, words(facts));
    }
    proposal
}

fn words(facts: &Facts<'_>) -> String {
    let troubles = [
        (Trouble::Unschedulable, "find no node"),
        (Trouble::CrashLoop, "start and end again and again"),
        (Trouble::ImagePull, "can't pull their image"),
        (Trouble::CreateFailed, "can't create their containers"),
    ];
    let counted = troubles.iter().map(|(trouble, what)| (facts.look.troubled_by(*trouble), *what));
    let mut parts: Vec<_> =
        counted.filter(|(pods, _)| *pods > 0).map(|(pods, what)| format!("{pods} {what}")).collect();
    if facts.look.refused > 0 {
        let said: String = facts.seen.blocked.iter().flat_map(|said| said.chars()).take(LONGEST).collect();
        parts.push(format!("{} are refused: {said}", facts.look.refused));
    }
    format!("of {} pods asked for, {}", facts.current, parts.join(", "))
}
