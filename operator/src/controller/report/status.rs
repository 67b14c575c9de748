//! PURE: the status of a service, made of what a pass found out and of what was told before.

use headroom_api::conditions::{ConditionType, merge, most_important};
use headroom_api::status::{MOST_DECISIONS, ObjectiveStatus, SizeChange};
use headroom_api::{Duration, ScaledServiceStatus};
use headroom_core::{Decision, Reason, Resizer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::conditions::{View, conditions_of, keeps_the_rest};
use super::display;
use super::figures::Figures;
use super::text::{burn, two_digits};
use crate::controller::{Decided, Outcome, Standing};

/// Longest status, as JSON.
pub const MOST_BYTES: usize = 8 * 1024;
/// Messages are cut to these lengths in turn, in bytes, until the status is short enough.
const MESSAGE_BYTES: [usize; 4] = [512, 256, 128, 48];
/// The reason of a change that somebody else made.
pub const SCALED_BY_OTHER: &str = "ScaledByOther";
/// The reason of a change that was noticed, and may have been written by this controller.
const NOTICED: &str = "Noticed";

/// What to tell now.
pub fn status_of(view: &View<'_>) -> ScaledServiceStatus {
    let View { service, standing, figures, old, now: _ } = *view;
    let mut status = if keeps_the_rest(standing) { old.clone() } else { ScaledServiceStatus::default() };
    status.observed_generation = service.metadata.generation;
    let change = size_change(view);
    status.replicas = asked(standing).or(old.replicas);
    status.decisions = change.iter().chain(&old.decisions).take(MOST_DECISIONS).cloned().collect();
    status.last_change = change.map(|change| change.at).or_else(|| old.last_change.clone());
    if let Some(figures) = figures {
        fill(&mut status, view, figures);
    }
    status.conditions = conditions(view);
    let display = display::display_of(view);
    status.display = if keeps_the_rest(standing) { old.display.clone() } else { display };
    most_important(&status.conditions).unwrap_or_default().clone_into(&mut status.display.reason);
    fit(status)
}

fn fill(status: &mut ScaledServiceStatus, view: &View<'_>, figures: &Figures) {
    let objectives = view.service.spec.objectives.latency.iter();
    let measured = figures.latency.iter().zip(&figures.budgets);
    status.objectives = objectives
        .zip(measured)
        .map(|(objective, (latency, budget))| ObjectiveStatus {
            name: objective.name.clone(),
            current: latency.map(|seconds| Duration::from_millis(millis(seconds))),
            budget_remaining_percent: budget.map(|budget| (budget.remaining * 100.0).round() as i32),
            burn_rate: budget.and_then(|budget| budget.burn_rate).map(burn),
        })
        .collect();
    status.offered_rate = Some(two_digits(figures.offered) as i64);
    status.capacity_per_pod = (figures.per_pod > 0.0).then(|| two_digits(figures.per_pod) as i64);
    status.time_to_ready = Some(Duration::from_secs(figures.lead.round() as u64));
}

/// At least one millisecond: the type has no smaller unit, and zero would say that nothing was measured.
fn millis(seconds: f64) -> u64 {
    (two_digits(seconds * 1000.0).round() as u64).max(1)
}

/// Pods asked for after this pass; `None` when that is not known.
fn asked(standing: &Standing) -> Option<i32> {
    let replicas = match standing {
        Standing::Decided(decided) => match decided.outcome {
            Outcome::Scaled { to, .. } => to,
            _ => decided.decision.numbers.replicas.0,
        },
        Standing::Paused { target } => target.replicas,
        Standing::InvalidSpec { .. }
        | Standing::TargetNotFound { .. }
        | Standing::TargetOwned { .. }
        | Standing::WorkloadRefused { .. }
        | Standing::ScaleUnreadable { .. } => return None,
    };
    Some(i32::try_from(replicas).unwrap_or(i32::MAX))
}

/// A change that was written, or one that was noticed.
fn size_change(view: &View<'_>) -> Option<SizeChange> {
    let Standing::Decided(decided) = view.standing else { return None };
    if let Outcome::Scaled { from, to } = decided.outcome {
        return Some(written(view, decided, from, to));
    }
    let (before, now) = (view.old.replicas?, asked(view.standing)?);
    // A write of ours whose answer was lost, or of the leader before us, is nobody else's.
    let reason = match decided.observation.resized_by {
        Resizer::Other => SCALED_BY_OTHER,
        Resizer::Us => NOTICED,
    };
    (before != now).then(|| SizeChange {
        at: Time(view.now),
        from: before,
        to: now,
        reason: reason.to_owned(),
        message: match &decided.resized_by {
            Some(manager) => format!("{before} -> {now} pods, set by {manager}"),
            None => format!("{before} -> {now} pods, noticed and not written at this moment"),
        },
        offered_rate: None,
        capacity_per_pod: None,
    })
}

fn written(view: &View<'_>, decided: &Decided, from: u32, to: u32) -> SizeChange {
    let decision = &decided.decision;
    let per_pod = decision.numbers.capacity_per_pod.get();
    let (reason, message) = match deciding(decision) {
        Some(deciding) => (format!("{:?}", deciding.code), deciding.message.clone()),
        None => ("Demand".to_owned(), String::new()),
    };
    SizeChange {
        at: Time(view.now),
        from: i32::try_from(from).unwrap_or(i32::MAX),
        to: i32::try_from(to).unwrap_or(i32::MAX),
        reason,
        message: message.chars().take(256).collect(),
        offered_rate: Some(two_digits(decision.numbers.offered_rate.get()) as i64),
        capacity_per_pod: (per_pod > 0.0).then(|| two_digits(per_pod) as i64),
    }
}

/// The first step that moves the size is the one that decided; later ones only trim it. Steps before one that brought the
/// size back to what it is have decided nothing.
fn deciding(decision: &Decision) -> Option<&Reason> {
    let size = decision.reasons.first()?.from;
    let undone = decision.reasons.iter().rposition(|reason| reason.to == size).map_or(0, |place| place + 1);
    decision.reasons.get(undone..)?.iter().find(|reason| reason.from != reason.to)
}

/// Only ours: conditions of other writers are theirs to keep.
fn conditions(view: &View<'_>) -> Vec<Condition> {
    let new = conditions_of(view);
    let generation = view.service.metadata.generation;
    let mut conditions = merge(&view.old.conditions, &new, generation, view.now);
    if keeps_the_rest(view.standing) {
        let kept = view.old.conditions.iter().filter(|old| {
            !conditions.iter().any(|condition| condition.type_ == old.type_) && !is_momentary(&old.type_)
        });
        let kept: Vec<_> = kept.cloned().collect();
        conditions.extend(kept);
    }
    let place =
        |condition: &Condition| ConditionType::ALL.iter().position(|kind| condition.type_ == kind.name());
    conditions.retain(|condition| place(condition).is_some());
    conditions.sort_by_key(place);
    conditions
}

/// True only while it is seen to be so.
fn is_momentary(kind: &str) -> bool {
    [ConditionType::Stalled, ConditionType::Reconciling].iter().any(|momentary| momentary.name() == kind)
}

/// Shortens messages, then drops the oldest changes, until the status is short enough.
fn fit(mut status: ScaledServiceStatus) -> ScaledServiceStatus {
    for most in MESSAGE_BYTES {
        if length(&status) <= MOST_BYTES {
            return status;
        }
        status.conditions.iter_mut().for_each(|condition| cut(&mut condition.message, most));
        status.decisions.iter_mut().for_each(|change| cut(&mut change.message, most));
    }
    while length(&status) > MOST_BYTES && status.decisions.pop().is_some() {}
    status
}

fn length(status: &ScaledServiceStatus) -> usize {
    serde_json::to_vec(status).map_or(0, |json| json.len())
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
    }
}

#[cfg(test)]
mod tests;
