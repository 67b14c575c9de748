//! PURE: the conditions about the size itself: what limits it, what blocks it, whether it could be written.

use headroom_api::Mode;
use headroom_api::conditions::{ConditionStatus, ConditionType, NewCondition, Reason};
use headroom_core::{Decision, ReasonCode, Trouble};

use super::{View, find};
use crate::controller::findings::Acknowledged;
use crate::controller::report::figures::Figures;
use crate::controller::report::text::{rate, time};
use crate::controller::{Decided, Outcome, Refusal};

/// A size that was just written is told for so many seconds.
const JUST: f64 = 30.0;

/// What a step of the decision is told as.
enum Told {
    /// It explains the size and limits nothing.
    Nowhere,
    /// By [`ConditionType::EvidenceFresh`], from the numbers.
    Evidence,
    /// By [`ConditionType::ScaleUpBlocked`].
    Blocked,
    /// By [`ConditionType::AbleToScale`].
    Waits,
    /// By [`ConditionType::Limited`].
    Limits(Reason),
}

/// Every kind of step; a new one does not compile before it is told somewhere.
fn told(code: ReasonCode) -> Told {
    match code {
        ReasonCode::Demand
        | ReasonCode::StepDetected
        | ReasonCode::Trend
        | ReasonCode::Reserve
        | ReasonCode::Saturated
        | ReasonCode::CapacityUnknown
        | ReasonCode::Idle
        | ReasonCode::Sampled
        | ReasonCode::WithinTolerance => Told::Nowhere,
        ReasonCode::EvidenceAbsent | ReasonCode::EvidencePartial | ReasonCode::EvidenceStale => {
            Told::Evidence
        }
        ReasonCode::ScaleUpBlocked => Told::Blocked,
        ReasonCode::ScaleDownStabilized => Told::Waits,
        ReasonCode::NotEnoughReady => Told::Limits(Reason::NotEnoughReady),
        ReasonCode::BudgetLow => Told::Limits(Reason::BudgetLow),
        ReasonCode::HotPods => Told::Limits(Reason::HotPods),
        ReasonCode::Frozen => Told::Limits(Reason::Frozen),
        ReasonCode::ScaledByOther => Told::Limits(Reason::ScaledByOther),
        ReasonCode::Unconfirmed => Told::Limits(Reason::Unconfirmed),
        ReasonCode::ScaleUpLimit | ReasonCode::ScaleUpStabilized => Told::Limits(Reason::ScaleUpLimit),
        ReasonCode::ScaleDownLimit => Told::Limits(Reason::ScaleDownLimit),
        ReasonCode::TooManyReplicas => Told::Limits(Reason::TooManyReplicas),
        ReasonCode::AboveMaximum => Told::Limits(Reason::AboveMaximum),
        ReasonCode::TooFewReplicas => Told::Limits(Reason::TooFewReplicas),
    }
}

pub(super) fn conditions(view: &View<'_>, decided: &Decided, figures: &Figures) -> Vec<NewCondition> {
    let mut conditions = vec![
        limited(view, &decided.decision, figures),
        blocked(decided),
        able_to_scale(view, decided, figures),
    ];
    conditions.extend(decided.workers.map(|workers| runtime(view, decided, workers)));
    if let Outcome::Refused(Refusal::Contested { manager }) = &decided.outcome {
        let message = contested(manager.as_deref(), figures);
        conditions.push(NewCondition { reason: Reason::NeedsUser, message });
    } else if decided.decision.numbers.starting_pods.0 > 0
        || matches!(decided.outcome, Outcome::Scaled { .. })
    {
        let message = format!("{} of {} pods are ready", figures.ready, asked(decided));
        conditions.push(NewCondition { reason: Reason::Progressing, message });
    }
    conditions
}

/// Pods asked for after this pass.
fn asked(decided: &Decided) -> u32 {
    match decided.outcome {
        Outcome::Scaled { to, .. } => to,
        _ => decided.decision.numbers.replicas.0,
    }
}

/// The last step counts: bounds come last, and what they cut is what the user can change. A need above the upper bound
/// is told although another step kept the size from ever reaching it.
fn limited(view: &View<'_>, decision: &Decision, figures: &Figures) -> NewCondition {
    let limits = decision.reasons.iter().rev().find_map(|reason| match told(reason.code) {
        Told::Limits(limit) => Some(limit),
        Told::Nowhere | Told::Evidence | Told::Blocked | Told::Waits => None,
    });
    let beyond = figures.per_pod > 0.0 && figures.needed > decision.numbers.max_replicas.0;
    let reason = if beyond { Reason::TooManyReplicas } else { limits.unwrap_or(Reason::DesiredWithinRange) };
    NewCondition { reason, message: limit_message(view, reason, decision, figures) }
}

fn limit_message(view: &View<'_>, reason: Reason, decision: &Decision, figures: &Figures) -> String {
    let (needed, max, size) = (figures.needed, decision.numbers.max_replicas, decision.numbers.replicas);
    let demand = rate(figures.demand);
    match reason {
        Reason::TooManyReplicas if view.service.spec.max_replicas.is_some() => {
            format!(
                "{demand}/s need {needed} pods, maxReplicas is {max}: raise it, or make each pod hold more"
            )
        }
        Reason::TooManyReplicas => {
            format!(
                "{demand}/s need {needed} pods, objectives.qps allows {max}: raise it, or set maxReplicas"
            )
        }
        Reason::AboveMaximum => {
            format!("{size} pods were asked for, maxReplicas is {max}: raise it to keep more than {max}")
        }
        Reason::TooFewReplicas => {
            format!("{demand}/s need {needed} pods, minReplicas is {}", view.service.spec.min_replicas)
        }
        Reason::ScaleUpLimit => {
            format!("{needed} pods are needed; behavior.scaleUp slows the growth from {size}")
        }
        Reason::ScaleDownLimit => {
            format!("{needed} pods would do; behavior.scaleDown slows the shrinking from {size}")
        }
        Reason::BudgetLow => {
            format!("{needed} pods would do; {size} stay while the objectives are being missed")
        }
        Reason::HotPods => {
            format!("{needed} pods would do; {size} stay while some of them miss the objectives")
        }
        Reason::NotEnoughReady => {
            format!("{needed} pods would do; {size} stay while only {} are ready", figures.ready)
        }
        Reason::Unconfirmed => {
            format!("{needed} pods seem needed after one look; growing from {size} by steps")
        }
        Reason::Frozen => {
            format!("{size} stay: too many services would have shrunk or fell silent at once")
        }
        Reason::ScaledByOther => {
            format!("somebody else set {size} pods: kept for one stabilisation window; {needed} would do")
        }
        _ => format!("{needed} pods are needed, {size} are asked for"),
    }
}

/// The cluster's own word comes first: it says what to do.
fn blocked(decided: &Decided) -> NewCondition {
    let (seen, numbers) = (&decided.observation, &decided.decision.numbers);
    let count = |trouble| seen.pods.iter().filter(|pod| pod.trouble == Some(trouble)).count();
    let troubles = [
        (
            Trouble::ImagePull,
            Reason::ImagePullFailing,
            "can't pull their image: check its name and the pull secret",
        ),
        (Trouble::CrashLoop, Reason::CrashLooping, "start and end again and again: read their logs"),
        (Trouble::CreateFailed, Reason::CreateFailing, "can't be made by their node: describe them"),
        (Trouble::Unschedulable, Reason::PodsPending, "find no node with room: add nodes or lower resources"),
    ];
    let found = troubles.into_iter().find_map(|(trouble, reason, what)| {
        let pods = count(trouble);
        let said = || decided.troubles.get(&trouble).map(|said| format!("; {said}")).unwrap_or_default();
        (pods > 0).then(|| (reason, format!("{pods} pods {what}{}", said())))
    });
    let (reason, message) = if let Some(said) = &seen.blocked {
        (refusal(said), format!("further pods are refused: {said}"))
    } else if let Some(found) = found {
        found
    } else if numbers.overdue_pods.0 > 0 {
        let lead = time(numbers.time_to_ready_seconds);
        let message = format!("{} pods take longer than 3 x {lead} to become ready", numbers.overdue_pods);
        (Reason::PodsLate, message)
    } else {
        (Reason::PodsArriving, format!("{} pods are on their way", numbers.starting_pods))
    };
    NewCondition { reason, message }
}

/// The API server's quota plugin says so in these words; whatever else refuses pods is no quota.
fn refusal(said: &str) -> Reason {
    if said.contains("exceeded quota") { Reason::QuotaExceeded } else { Reason::PodsRefused }
}

fn able_to_scale(view: &View<'_>, decided: &Decided, figures: &Figures) -> NewCondition {
    let size = decided.decision.numbers.replicas;
    let waits = decided.decision.reasons.iter().any(|reason| matches!(told(reason.code), Told::Waits));
    let (reason, message) = match &decided.outcome {
        Outcome::Scaled { from, to } => (Reason::SucceededRescale, format!("{from} -> {to} pods")),
        Outcome::Refused(Refusal::Failed { message }) => {
            (Reason::FailedUpdateScale, format!("{} pods can't be written: {message}", figures.target))
        }
        Outcome::Refused(Refusal::Unread { message }) => {
            (Reason::FailedGetScale, format!("the size can't be read: {message}"))
        }
        Outcome::Refused(Refusal::Contested { manager }) => {
            (Reason::FieldConflict, contested(manager.as_deref(), figures))
        }
        Outcome::ObserveOnly => {
            (Reason::ReadyForNewScale, format!("{size} pods; would write {}", figures.target))
        }
        Outcome::Held => {
            (Reason::ReadyForNewScale, format!("{size} pods; {} if the next look agrees", figures.target))
        }
        Outcome::Unchanged | Outcome::Standby | Outcome::Refused(Refusal::Conflict | Refusal::TooLate) => {
            match just_written(view) {
                Some(message) => (Reason::SucceededRescale, message),
                None if waits => {
                    let window = view.service.spec.behavior.scale_down.stabilization_window_seconds;
                    let message = format!("{size} pods stay until fewer have done for {window} s");
                    (Reason::ScaleDownStabilized, message)
                }
                None => (Reason::ReadyForNewScale, format!("{size} pods")),
            }
        }
    };
    NewCondition { reason, message }
}

/// What was told about the last write, while it is fresh.
fn just_written(view: &View<'_>) -> Option<String> {
    let written = find(view.old, ConditionType::AbleToScale)
        .filter(|condition| condition.reason == Reason::SucceededRescale.name())?;
    let since = view.now.duration_since(view.old.last_change.as_ref()?.0).as_secs_f64();
    (since < JUST).then(|| written.message.clone())
}

fn contested(manager: Option<&str>, figures: &Figures) -> String {
    let who = manager.unwrap_or("another writer");
    format!(
        "{who} keeps setting spec.replicas, {} pods are needed: remove replicas from what {who} applies",
        figures.needed
    )
}

/// Pods that have just started are told their worker count at the next look.
fn runtime(view: &View<'_>, decided: &Decided, workers: Acknowledged) -> NewCondition {
    let Acknowledged { pods, of } = workers;
    let message = format!("{pods} of {of} pods run the worker count asked for");
    let moves = decided.decision.numbers.starting_pods.0 > 0;
    let was = find(view.old, ConditionType::RuntimeApplied)
        .is_some_and(|applied| applied.status == ConditionStatus::True.name());
    let applied = pods >= of || (moves && was && view.service.spec.mode != Mode::Paused);
    let reason = if applied { Reason::WorkersAcknowledged } else { Reason::NotAcknowledged };
    NewCondition { reason, message }
}
