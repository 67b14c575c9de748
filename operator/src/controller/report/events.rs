//! PURE: events, from the difference between what was told before and what is told now. Nothing that merely goes on is an
//! event.

use std::time::Duration;

use headroom_api::ScaledServiceStatus;
use headroom_api::conditions::{ConditionStatus, ConditionType, Reason};
use headroom_api::events::EventReason;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::figures::Figures;
use super::status::SCALED_BY_OTHER;
use super::text::left;
use crate::controller::{Outcome, Standing};

/// The same event is not told again within this time.
const SAME: Duration = Duration::from_secs(120);
/// The same explanation of why nothing happens is not told again within this time.
const SAME_EXPLANATION: Duration = Duration::from_secs(900);
/// The API server takes 1 kB of text.
const MOST_NOTE: usize = 1000;

/// An event to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Why; gives the kind.
    pub reason: EventReason,
    /// The values that make it the same event as another one.
    pub values: String,
    /// Sizes, numbers, reason.
    pub note: String,
}

/// What is told about a service at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Its status.
    pub status: ScaledServiceStatus,
    /// Its numbers, where a decision was made.
    pub figures: Option<Figures>,
}

impl NewEvent {
    /// An event with this text; `values` make it the same as another one.
    pub fn new(reason: EventReason, values: impl Into<String>, note: impl Into<String>) -> Self {
        let mut note = note.into();
        note.truncate(note.floor_char_boundary(MOST_NOTE));
        Self { reason, values: values.into(), note }
    }

    /// For how long the same event is not told again.
    pub fn window(&self) -> Duration {
        match self.reason {
            EventReason::SuccessfulRescale
            | EventReason::WorkersChanged
            | EventReason::CapacityLearned
            | EventReason::FailedRescale
            | EventReason::ScaledByOther
            | EventReason::CheckpointRestored
            | EventReason::CheckpointIgnored => SAME,
            EventReason::EvidenceRecovered
            | EventReason::BudgetRecovered
            | EventReason::ScaleUpUnblocked
            | EventReason::LimitLeft
            | EventReason::TargetReleased
            | EventReason::EvidenceLost
            | EventReason::LimitReached
            | EventReason::BudgetBurning
            | EventReason::CapacityRegressed
            | EventReason::TargetOwned
            | EventReason::ScaleUpBlocked
            | EventReason::ShrinkingFrozen
            | EventReason::InvalidSpec => SAME_EXPLANATION,
        }
    }
}

/// What changed between the two pictures, as events. `before` of a service that was never told about has an empty status.
pub fn events_of(before: &Picture, after: &Picture, standing: &Standing) -> Vec<NewEvent> {
    let mut events = size_events(before, after, standing);
    let seen = |condition: ConditionType| Seen::new(before, after, condition);
    events.extend(entered(&seen(ConditionType::Ready), Reason::InvalidSpec, EventReason::InvalidSpec));
    events.extend(entered(&seen(ConditionType::Ready), Reason::TargetOwned, EventReason::TargetOwned));
    let released = has_left(&seen(ConditionType::Ready), Reason::TargetOwned, EventReason::TargetReleased);
    // A target that is gone was not released.
    events.extend(released.filter(|_| !has(seen(ConditionType::Ready).is, Reason::TargetNotFound)));
    for reason in [Reason::TargetNotFound, Reason::WriteFailed, Reason::FailedGetScale] {
        events.extend(entered(&seen(ConditionType::Ready), reason, EventReason::FailedRescale));
    }
    events.extend(evidence(&seen(ConditionType::EvidenceFresh)));
    let limited = seen(ConditionType::Limited);
    events.extend(entered(&limited, Reason::TooManyReplicas, EventReason::LimitReached));
    events.extend(has_left(&limited, Reason::TooManyReplicas, EventReason::LimitLeft));
    events.extend(entered(&limited, Reason::Frozen, EventReason::ShrinkingFrozen));
    events.extend(blocked(&seen(ConditionType::ScaleUpBlocked)));
    let capacity = seen(ConditionType::CapacityKnown);
    events.extend(entered(&capacity, Reason::Regressed, EventReason::CapacityRegressed));
    if capacity.was.is_some_and(|was| was.reason != Reason::Regressed.name()) {
        events.extend(entered(&capacity, Reason::Learned, EventReason::CapacityLearned));
    }
    events.extend(budget(before.figures.as_ref(), after.figures.as_ref()));
    events.extend(workers(before, after));
    events
}

/// One condition, before and now.
struct Seen<'a> {
    was: Option<&'a Condition>,
    is: Option<&'a Condition>,
}

impl<'a> Seen<'a> {
    fn new(before: &'a Picture, after: &'a Picture, kind: ConditionType) -> Self {
        let find = |picture: &'a Picture| {
            picture.status.conditions.iter().find(|condition| condition.type_ == kind.name())
        };
        Self { was: find(before), is: find(after) }
    }

    fn turned(&self, to: ConditionStatus) -> Option<&'a Condition> {
        let has = |condition: &&Condition| condition.status == to.name();
        self.is.filter(has).filter(|_| !self.was.as_ref().is_some_and(has))
    }
}

fn has(condition: Option<&Condition>, reason: Reason) -> bool {
    condition.is_some_and(|condition| condition.reason == reason.name())
}

/// The condition took on this reason.
fn entered(seen: &Seen<'_>, reason: Reason, event: EventReason) -> Option<NewEvent> {
    let is = seen.is.filter(|_| has(seen.is, reason) && !has(seen.was, reason))?;
    Some(NewEvent::new(event, "", is.message.clone()))
}

/// The condition lost this reason.
fn has_left(seen: &Seen<'_>, reason: Reason, event: EventReason) -> Option<NewEvent> {
    let is = seen.is.filter(|_| has(seen.was, reason) && !has(seen.is, reason))?;
    Some(NewEvent::new(event, "", is.message.clone()))
}

/// Pods that only start are not lost.
fn evidence(seen: &Seen<'_>) -> Option<NewEvent> {
    if let Some(lost) = seen.turned(ConditionStatus::False) {
        return Some(NewEvent::new(EventReason::EvidenceLost, lost.reason.clone(), lost.message.clone()));
    }
    let was_lost = seen.was.is_some_and(|was| was.status == ConditionStatus::False.name());
    let back = seen.turned(ConditionStatus::True).filter(|_| was_lost)?;
    Some(NewEvent::new(EventReason::EvidenceRecovered, "", back.message.clone()))
}

fn blocked(seen: &Seen<'_>) -> Option<NewEvent> {
    let reason = |condition: &Condition| condition.reason.clone();
    let is_blocked = seen.is.filter(|is| is.status == ConditionStatus::True.name());
    if let Some(is) = is_blocked {
        let same = seen.was.is_some_and(|was| was.reason == is.reason);
        return (!same).then(|| NewEvent::new(EventReason::ScaleUpBlocked, reason(is), is.message.clone()));
    }
    let was = seen.was.filter(|was| was.status == ConditionStatus::True.name())?;
    seen.is.map(|is| NewEvent::new(EventReason::ScaleUpUnblocked, reason(was), is.message.clone()))
}

fn size_events(before: &Picture, after: &Picture, standing: &Standing) -> Vec<NewEvent> {
    let Standing::Decided(decided) = standing else { return Vec::new() };
    let mut events = Vec::new();
    let newest =
        after.status.decisions.first().filter(|newest| before.status.decisions.first() != Some(newest));
    if let Some(change) = newest {
        let sizes = format!("{} -> {}", change.from, change.to);
        if change.reason == SCALED_BY_OTHER {
            events.push(NewEvent::new(EventReason::ScaledByOther, sizes, change.message.clone()));
        } else if matches!(decided.outcome, Outcome::Scaled { .. }) {
            let note = format!("{sizes} pods; reason: {}: {}", change.reason, change.message);
            events.push(NewEvent::new(EventReason::SuccessfulRescale, sizes, note));
        }
    }
    let able = Seen::new(before, after, ConditionType::AbleToScale);
    events.extend(entered(&able, Reason::FailedUpdateScale, EventReason::FailedRescale));
    events.extend(entered(&able, Reason::FieldConflict, EventReason::ScaledByOther));
    events
}

fn budget(before: Option<&Figures>, after: Option<&Figures>) -> Option<NewEvent> {
    // What was spent before this controller started is no news.
    let (was, after) = (before?.burning, after?);
    let remains = match after.worst_budget() {
        Some(budget) if budget.remaining > 0.0 => format!("{} is left", left(&budget)),
        _ => "none of it is left".to_owned(),
    };
    let rate = [&after.availability].into_iter().chain(&after.budgets).flatten();
    let rate = rate.filter_map(|budget| budget.burn_rate).fold(0.0, f64::max);
    match (was, after.burning) {
        (false, true) => {
            let note = format!("the error budget is spent {rate:.1} times as fast as it lasts; {remains}");
            Some(NewEvent::new(EventReason::BudgetBurning, "", note))
        }
        (true, false) => {
            let note = format!("the error budget is spent {rate:.1} times as fast as it lasts; {remains}");
            Some(NewEvent::new(EventReason::BudgetRecovered, "", note))
        }
        _ => None,
    }
}

/// A worker count that was asked for, not one that a new pod happens to have.
fn workers(before: &Picture, after: &Picture) -> Option<NewEvent> {
    let (was, is) = (&before.status.display.workers, &after.status.display.workers);
    let applied = Seen::new(before, after, ConditionType::RuntimeApplied);
    let changed = !was.is_empty() && !is.is_empty() && was != is && applied.is.is_some();
    changed.then(|| {
        let values = format!("{was} -> {is}");
        NewEvent::new(EventReason::WorkersChanged, values.clone(), format!("{values} workers a pod"))
    })
}

#[cfg(test)]
mod tests;
