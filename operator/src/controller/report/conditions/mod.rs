//! PURE: what a pass found out, as conditions. Every message carries the numbers, and says what to do where the user can.

mod decided;
mod size;

use headroom_api::conditions::{ConditionStatus, ConditionType, NewCondition, Reason};
use headroom_api::{Mode, ScaledService, ScaledServiceStatus};
use jiff::Timestamp;

use super::figures::Figures;
use crate::controller::{Standing, Target};

/// What is being reported on.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The object.
    pub service: &'a ScaledService,
    /// What the pass found out.
    pub standing: &'a Standing,
    /// Its numbers, where it decided.
    pub figures: Option<&'a Figures>,
    /// What was told before.
    pub old: &'a ScaledServiceStatus,
    /// The moment of the pass.
    pub now: Timestamp,
}

/// Every condition that can be told. Types that are missing can't be told now.
pub fn conditions_of(view: &View<'_>) -> Vec<NewCondition> {
    let mut conditions = match view.standing {
        Standing::InvalidSpec { message } => stalled(Reason::InvalidSpec, message.clone()),
        Standing::TargetNotFound { message } => stalled(Reason::TargetNotFound, message.clone()),
        Standing::TargetOwned { owner } => stalled(
            Reason::TargetOwned,
            format!(
                "{owner} sizes the target already, so no size is written: keep one of the two, or set spec.mode to Observe \
                 to run beside it"
            ),
        ),
        Standing::WorkloadRefused { message } => stalled(Reason::WriteFailed, message.clone()),
        Standing::ScaleUnreadable { message } => unreadable(view, message),
        Standing::Paused { target } => paused(target),
        Standing::Decided(decided) => match view.figures {
            Some(figures) => decided::conditions(view, decided, figures),
            None => vec![new(Reason::Starting, "the first numbers are being gathered")],
        },
    };
    conditions.push(mode(view.service.spec.mode));
    conditions
}

/// Whether conditions that this standing does not tell stay as they were: what could not be looked at for a moment has
/// not changed.
pub fn keeps_the_rest(standing: &Standing) -> bool {
    matches!(standing, Standing::ScaleUnreadable { .. })
}

fn stalled(reason: Reason, message: String) -> Vec<NewCondition> {
    vec![
        NewCondition { reason, message: message.clone() },
        NewCondition { reason: Reason::NeedsUser, message },
    ]
}

/// A moment's trouble with reading is told beside the old picture; a lasting one makes the service not ready.
fn unreadable(view: &View<'_>, message: &str) -> Vec<NewCondition> {
    let mut conditions = vec![NewCondition {
        reason: Reason::FailedGetScale,
        message: format!("the size can't be read: {message}"),
    }];
    if view.fails_for_long() {
        let message = format!("the size can't be read: {message}; the target keeps its last size");
        conditions.push(NewCondition { reason: Reason::WriteFailed, message });
    } else if find(view.old, ConditionType::Ready).is_none() {
        conditions.push(new(Reason::Starting, "the size has not been read yet"));
    }
    conditions
}

fn paused(target: &Target) -> Vec<NewCondition> {
    let Target { name, replicas, .. } = target;
    let message = format!("paused: {name} keeps {replicas} pods; set spec.mode to Active to size it again");
    vec![NewCondition { reason: Reason::Holding, message }]
}

fn mode(mode: Mode) -> NewCondition {
    match mode {
        Mode::Active => new(Reason::Active, "spec.mode is Active: sizes are written"),
        Mode::Observe => {
            new(Reason::Observing, "spec.mode is Observe: decisions are shown, no size is written")
        }
        Mode::Paused => new(Reason::PausedByUser, "spec.mode is Paused: nothing is decided, the size stays"),
    }
}

impl View<'_> {
    /// Seconds for which sizes could not be read or written.
    const LONG: f64 = 10.0;

    /// Whether sizes could not be read or written for longer than a passing trouble lasts.
    fn fails_for_long(&self) -> bool {
        find(self.old, ConditionType::AbleToScale).is_some_and(|able| {
            able.status == ConditionStatus::False.name()
                && self.now.duration_since(able.last_transition_time.0).as_secs_f64() >= Self::LONG
        })
    }

    /// Whether this condition is true in what was told before.
    fn was(&self, kind: ConditionType) -> bool {
        find(self.old, kind).is_some_and(|condition| condition.status == ConditionStatus::True.name())
    }
}

fn find(
    status: &ScaledServiceStatus,
    kind: ConditionType,
) -> Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind.name())
}

fn new(reason: Reason, message: &str) -> NewCondition {
    NewCondition { reason, message: message.to_owned() }
}

#[cfg(test)]
mod tests;
