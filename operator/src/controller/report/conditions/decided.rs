//! PURE: the conditions of a service about which a decision was made: the promise, the evidence, the capacity.

use headroom_api::conditions::{ConditionType, NewCondition, Reason};
use headroom_api::{Mode, ScaledServiceSpec};
use headroom_core::{Budget, Inventory, Observation, PodState, ReasonCode};

use super::{View, size};
use crate::controller::findings::Unapplied;
use crate::controller::report::figures::Figures;
use crate::controller::report::text::{burn, left, percent, rate, time};
use crate::controller::{Decided, Outcome, Refusal};

/// What is told in place of a capacity of 0.
const UNKNOWN: &str = "the capacity of a pod is not known yet";
/// Below this share of the old capacity a new revision counts as worse.
const REGRESSED: f64 = 0.8;
/// A condition that is true stays so until its number has moved so far back.
const BACK: f64 = 0.95;
/// Share of fresh pods from which on the size may shrink.
const ENOUGH: f64 = 0.8;

pub(super) fn conditions(view: &View<'_>, decided: &Decided, figures: &Figures) -> Vec<NewCondition> {
    let evidence = evidence(decided);
    let objective = objective_met(view, figures, &evidence);
    let mut conditions = vec![
        ready(view, decided, figures, (&evidence, &objective)),
        feasible(view, decided, figures),
        above_target(view, figures, &evidence),
        objective,
        evidence,
        capacity_known(view, figures),
    ];
    conditions.extend(size::conditions(view, decided, figures));
    let is_stalled = conditions.iter().any(|condition| condition.reason == Reason::NeedsUser);
    if let (Some(Unapplied::Refused { message }), false) = (&decided.unapplied, is_stalled) {
        conditions.push(NewCondition { reason: Reason::NeedsUser, message: message.clone() });
    }
    conditions
}

fn ready(
    view: &View<'_>,
    decided: &Decided,
    figures: &Figures,
    (evidence, objective): (&NewCondition, &NewCondition),
) -> NewCondition {
    let Decided { target, outcome, unapplied, .. } = decided;
    let (reason, message) = match (evidence.reason, outcome, unapplied) {
        (_, Outcome::Refused(Refusal::Failed { message } | Refusal::Unread { message }), _)
            if view.fails_for_long() =>
        {
            (Reason::WriteFailed, format!("{} can't be sized: {message}", target.name))
        }
        (Reason::EvidenceAbsent, ..) => (Reason::NoEvidence, evidence.message.clone()),
        (.., Some(Unapplied::Refused { message } | Unapplied::Unavailable { message })) => {
            (Reason::WriteFailed, format!("{} is sized on; {message}", target.name))
        }
        (Reason::EvidencePending, ..) => (Reason::Starting, evidence.message.clone()),
        _ => (holds(view), holding(figures, objective)),
    };
    NewCondition { reason, message }
}

/// Who only observes holds nothing.
fn holds(view: &View<'_>) -> Reason {
    match view.service.spec.mode {
        Mode::Active => Reason::Holding,
        Mode::Observe | Mode::Paused => Reason::Watching,
    }
}

/// With what the pods should hold stands that they don't, where that is so now.
fn holding(figures: &Figures, objective: &NewCondition) -> String {
    let (ready, arrive) = (figures.ready, rate(figures.offered));
    let missed = match objective.reason {
        Reason::LatencyAboveObjective => format!("; the objective is missed: {}", objective.message),
        _ => String::new(),
    };
    if figures.per_pod > 0.0 {
        let hold = rate(figures.ready_capacity());
        format!("{ready} ready pods hold {hold}/s within the objectives; {arrive}/s arrive{missed}")
    } else {
        format!("{ready} pods are ready; {arrive}/s arrive; {UNKNOWN}{missed}")
    }
}

/// The evidence, whose message starts with how many pods told their load.
fn evidence(decided: &Decided) -> NewCondition {
    let (seen, numbers) = (&decided.observation, &decided.decision.numbers);
    let running = running(seen);
    let fresh = (numbers.fresh_share.get() * f64::from(running)).round() as u32;
    let told = format!("{fresh} of {running} running pods told their load");
    let size = numbers.replicas;
    let partial = decided.decision.reasons.iter().any(|reason| reason.code == ReasonCode::EvidencePartial);
    let answered = seen.pods.iter().any(|pod| pod.answer.told().is_some());
    let (reason, message) = if running == 0 {
        (Reason::EvidencePending, format!("no pod runs yet; {size} are asked for"))
    } else if fresh == 0 && answered {
        (Reason::EvidencePending, format!("{told}: the first answers say nothing about a rate yet"))
    } else if fresh == 0 {
        let what_to_do = "check that a NetworkPolicy lets the controller reach their admin port, and that they answer GET \
                          /stats there";
        (Reason::EvidenceAbsent, format!("{told}: the size stays at {size}; {what_to_do}"))
    } else if seen.inventory == Inventory::Stale {
        // Too few pods in a list that is confirmed are told so too.
        let what = if decided.stale.is_empty() { "pods".to_owned() } else { decided.stale.join(" and ") };
        let message = format!(
            "{told}, but the API server has not confirmed the list of {what} for too long: the size may grow, not shrink"
        );
        (Reason::EvidenceStale, message)
    } else if partial || numbers.fresh_share.get() < ENOUGH {
        (Reason::EvidencePartial, format!("{told}: the size may grow, not shrink; check the silent pods"))
    } else {
        (Reason::EvidenceComplete, told)
    };
    NewCondition { reason, message }
}

/// Pods that serve, or did.
fn running(seen: &Observation) -> u32 {
    let running = |state| matches!(state, PodState::Ready | PodState::NotReady);
    seen.pods.iter().filter(|pod| running(pod.state)).count() as u32
}

fn feasible(view: &View<'_>, decided: &Decided, figures: &Figures) -> NewCondition {
    let (qps, max) = (view.service.spec.objectives.qps as f64, decided.decision.numbers.max_replicas);
    let has_prior = view.service.spec.capacity.is_some();
    let holds = figures.per_pod * f64::from(max.0);
    let short = if view.was(ConditionType::Feasible) { holds < BACK * qps } else { holds < qps };
    let sum = || format!("{max} pods at {}/s hold {}/s", rate(figures.per_pod), rate(holds));
    let (reason, message) = if let Some(message) = waits_too_long(&view.service.spec) {
        (Reason::QueueDelayTooLong, message)
    } else if figures.per_pod <= 0.0 || !(figures.capacity_is_known || has_prior) {
        let message = "what one pod holds is being learned; set capacity.prior to have it told sooner";
        (Reason::CapacityUnknown, message.to_owned())
    } else if view.service.spec.max_replicas.is_some() && short {
        let needed = (qps / figures.per_pod).ceil();
        let message = format!(
            "{}, objectives.qps is {}: raise maxReplicas to {needed:.0}, give each pod more CPU, or lower objectives.qps",
            sum(),
            rate(qps)
        );
        (Reason::MaxReplicasTooLow, message)
    } else {
        (Reason::EnoughReplicas, format!("{}, objectives.qps is {}", sum(), rate(qps)))
    };
    NewCondition { reason, message }
}

/// Whoever waits so long in the queue is answered late, however fast the answer then is.
fn waits_too_long(spec: &ScaledServiceSpec) -> Option<String> {
    let delay = spec.workload.as_ref()?.config.queue_delay?;
    let longest = spec.objectives.latency.iter().map(|objective| objective.threshold).max()?;
    (delay > longest).then(|| {
        format!(
            "requests may wait {delay} in the queue (spec.workload.config.queueDelay), the longest latency threshold is \
             {longest}: lower queueDelay, or leave it out"
        )
    })
}

fn above_target(view: &View<'_>, figures: &Figures, evidence: &NewCondition) -> NewCondition {
    let qps = view.service.spec.objectives.qps as f64;
    let bound = if view.was(ConditionType::AboveTarget) { BACK * qps } else { qps };
    let arrive = format!("{}/s arrive, objectives.qps is {}", rate(figures.offered), rate(qps));
    let (reason, message) = if is_unseen(evidence) {
        (Reason::OfferedUnknown, "no pod has told its load".to_owned())
    } else if figures.offered > bound {
        (
            Reason::OfferedAboveTarget,
            format!("{arrive}: the promise does not hold there; raise it if it should"),
        )
    } else {
        (Reason::OfferedWithinTarget, arrive)
    };
    NewCondition { reason, message }
}

fn objective_met(view: &View<'_>, figures: &Figures, evidence: &NewCondition) -> NewCondition {
    let was = view.was(ConditionType::ObjectiveMet);
    let objectives = || view.service.spec.objectives.latency.iter().zip(figures.latency);
    let late = objectives().find_map(|(objective, now)| {
        let (now, threshold) = (now?, objective.threshold.get().as_secs_f64());
        let bound = if was { threshold } else { BACK * threshold };
        let message =
            format!("{} is {}, the objective is {}", objective.name, time(now), objective.threshold);
        (now > bound).then_some(message)
    });
    let capacity = figures.ready_capacity();
    let short = figures.capacity_is_known && capacity < if was { BACK } else { 1.0 } * figures.offered;
    let spent = figures.worst_budget().filter(|budget| budget.remaining <= 0.0);
    let (reason, message) = if is_unseen(evidence) || figures.offered <= 0.0 {
        (Reason::NoTraffic, "no request was seen".to_owned())
    } else if let Some(message) = late {
        (Reason::LatencyAboveObjective, message)
    } else if short {
        let message = format!(
            "{} ready pods hold {}/s, {}/s arrive",
            figures.ready,
            rate(capacity),
            rate(figures.offered)
        );
        (Reason::CapacityBelowDemand, message)
    } else if let Some(budget) = spent {
        let days = view.service.spec.objectives.window_days;
        let message = format!("the error budget of {days} days is exhausted; {}", burns(&budget));
        (Reason::BudgetExhausted, message)
    } else {
        (Reason::WithinObjective, within(view, figures))
    };
    NewCondition { reason, message }
}

fn within(view: &View<'_>, figures: &Figures) -> String {
    let objectives = view.service.spec.objectives.latency.iter().zip(figures.latency);
    let each = objectives.map(|(objective, now)| {
        let now = now.map_or_else(|| "not known".to_owned(), time);
        format!("{} is {now} of {}", objective.name, objective.threshold)
    });
    let mut parts: Vec<_> = each.collect();
    if let Some(budget) = figures.worst_budget() {
        parts.push(format!("{} of the error budget is left", left(&budget)));
    }
    parts.join(", ")
}

/// Whether it goes on is what the user wants to know of a budget that is gone.
fn burns(budget: &Budget) -> String {
    match budget.burn_rate {
        Some(rate) => format!("the last hour spent {} times what the objective allows", burn(rate)),
        None => "nothing was answered in the last hour".to_owned(),
    }
}

fn is_unseen(evidence: &NewCondition) -> bool {
    matches!(evidence.reason, Reason::EvidenceAbsent | Reason::EvidencePending)
}

fn capacity_known(view: &View<'_>, figures: &Figures) -> NewCondition {
    let per_pod = rate(figures.per_pod);
    let confidence = percent(figures.confidence);
    let worse = figures.capacity_change.filter(|change| *change < REGRESSED);
    let (reason, message) = if let Some(change) = worse {
        let message = format!(
            "one pod of the new revision holds {per_pod}/s, {} of what the one before held: look at what was changed",
            percent(change)
        );
        (Reason::Regressed, message)
    } else if figures.capacity_is_known {
        (Reason::Learned, format!("one pod holds {per_pod}/s within the objectives"))
    } else if let Some(capacity) = view.service.spec.capacity {
        let prior = rate(capacity.prior.qps_per_pod as f64);
        (
            Reason::Prior,
            format!("capacity.prior says {prior}/s a pod; learned with confidence {confidence} so far"),
        )
    } else {
        let taken =
            if figures.per_pod > 0.0 { format!("taken to be {per_pod}/s a pod") } else { UNKNOWN.to_owned() };
        (Reason::Learning, format!("{taken}; learned with confidence {confidence} so far"))
    };
    NewCondition { reason, message }
}
