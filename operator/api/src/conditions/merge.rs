//! Conditions into a status: the pure merge, and the choice of the one for the REASON column.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{ConditionStatus, ConditionType, Reason};

/// Longest message of a condition, in characters; the status must stay small.
const MOST_MESSAGE: usize = 512;

/// A condition to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCondition {
    /// Why; gives type and status.
    pub reason: Reason,
    /// The reason in words and numbers, cut at 512 characters.
    pub message: String,
}

/// What the REASON column shows: the first of these that a service has. Troubles the user must solve come
/// first, then what endangers the promise, then what only explains the size.
const BY_IMPORTANCE: [(ConditionType, ConditionStatus); 15] = [
    (ConditionType::Ready, ConditionStatus::False),
    (ConditionType::Stalled, ConditionStatus::True),
    (ConditionType::Paused, ConditionStatus::True),
    (ConditionType::AbleToScale, ConditionStatus::False),
    (ConditionType::EvidenceFresh, ConditionStatus::False),
    (ConditionType::ScaleUpBlocked, ConditionStatus::True),
    (ConditionType::ObjectiveMet, ConditionStatus::False),
    (ConditionType::AboveTarget, ConditionStatus::True),
    (ConditionType::Feasible, ConditionStatus::False),
    (ConditionType::Limited, ConditionStatus::True),
    (ConditionType::RuntimeApplied, ConditionStatus::False),
    (ConditionType::CapacityKnown, ConditionStatus::False),
    (ConditionType::Reconciling, ConditionStatus::True),
    (ConditionType::Ready, ConditionStatus::Unknown),
    (ConditionType::Ready, ConditionStatus::True),
];

/// The conditions of a status after this look at the service. `lastTransitionTime` moves only when the value
/// changes. Our types that are not in `new` go; types we do not know belong to somebody else and stay.
/// Of two new conditions of one type the first counts.
pub fn merge(
    old: &[Condition],
    new: &[NewCondition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let ours = ConditionType::ALL.into_iter().filter_map(|kind| {
        let next = new.iter().find(|next| next.reason.condition() == kind)?;
        let before = old.iter().find(|condition| condition.type_ == kind.name());
        Some(updated(before, next, generation, now))
    });
    let known = |condition: &&Condition| ConditionType::ALL.iter().any(|kind| condition.type_ == kind.name());
    let foreign = old.iter().filter(|condition| !known(condition)).cloned();
    ours.chain(foreign).collect()
}

fn updated(
    before: Option<&Condition>,
    next: &NewCondition,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = next.reason.status().name();
    let since =
        before.filter(|before| before.status == status).map(|before| before.last_transition_time.clone());
    Condition {
        type_: next.reason.condition().name().to_owned(),
        status: status.to_owned(),
        reason: next.reason.name().to_owned(),
        message: next.message.chars().take(MOST_MESSAGE).collect(),
        observed_generation: generation,
        last_transition_time: since.unwrap_or(Time(now)),
    }
}

/// The reason for the REASON column: that of the most important condition. `None` when there is none.
pub fn most_important(conditions: &[Condition]) -> Option<&str> {
    BY_IMPORTANCE.into_iter().find_map(|(kind, status)| {
        let matches =
            |condition: &&Condition| condition.type_ == kind.name() && condition.status == status.name();
        conditions.iter().find(matches).map(|condition| condition.reason.as_str())
    })
}

#[cfg(test)]
mod tests;
