use headroom_core::units::{Rate, Replicas, Share};
use headroom_core::{Answer, Budget, Inventory, PodState, ReasonCode, Trouble};
use rstest::rstest;

use super::*;
use crate::controller::findings::Unapplied;
use crate::controller::report::fixtures::{at, calm, service, standing, target, viewed, with_reason};
use crate::controller::report::status::status_of;
use crate::controller::{Decided, Outcome, Owner, Refusal};

fn told(standing: &Standing, mode: &str) -> Vec<NewCondition> {
    viewed(&service(mode), standing, &ScaledServiceStatus::default(), at(0), conditions_of)
}

fn message(conditions: &[NewCondition], reason: Reason) -> &str {
    let found = conditions.iter().find(|condition| condition.reason == reason);
    found.map_or_else(|| panic!("{reason:?} is not among {conditions:?}"), |condition| &condition.message)
}

/// What each standing says, and one thing that its message has to name.
#[rstest]
#[case::spec(Standing::InvalidSpec { message: "spec.x is 3".to_owned() }, Reason::InvalidSpec, "spec.x is 3")]
#[case::no_target(Standing::TargetNotFound { message: "no orders".to_owned() }, Reason::TargetNotFound, "no orders")]
#[case::owned(
    Standing::TargetOwned { owner: Owner { kind: "HorizontalPodAutoscaler".to_owned(), name: "web".to_owned() } },
    Reason::TargetOwned,
    "keep one of the two, or set spec.mode to Observe"
)]
#[case::refused(Standing::WorkloadRefused { message: "not ours".to_owned() }, Reason::WriteFailed, "not ours")]
#[case::unreadable(Standing::ScaleUnreadable { message: "timeout".to_owned() }, Reason::FailedGetScale, "timeout")]
#[case::paused(Standing::Paused { target: target(7).into() }, Reason::Holding, "Deployment/orders keeps 7 pods")]
#[case::decided(
    standing(calm()),
    Reason::Holding,
    "7 ready pods hold 1.1k/s within the objectives; 700/s arrive"
)]
fn each_standing_is_told(#[case] standing: Standing, #[case] reason: Reason, #[case] names: &str) {
    let conditions = told(&standing, "Active");
    let text = message(&conditions, reason);
    assert!(text.contains(names), "{text}");
    let kinds: Vec<_> = conditions.iter().map(|condition| condition.reason.condition()).collect();
    assert_eq!(kinds.len(), kinds.iter().collect::<std::collections::HashSet<_>>().len(), "{conditions:?}");
    let needs_user = conditions.iter().any(|condition| condition.reason == Reason::NeedsUser);
    assert_eq!(needs_user, reason.condition() == ConditionType::Ready && reason != Reason::Holding);
}

#[test]
fn a_calm_service_is_told_in_every_way_that_holds() {
    let conditions = told(&standing(calm()), "Active");
    let reasons: Vec<_> = conditions.iter().map(|condition| condition.reason).collect();
    let expected = [
        Reason::Holding,
        Reason::EnoughReplicas,
        Reason::OfferedWithinTarget,
        Reason::WithinObjective,
        Reason::EvidenceComplete,
        Reason::Learned,
        Reason::DesiredWithinRange,
        Reason::PodsArriving,
        Reason::ReadyForNewScale,
        Reason::Active,
    ];
    assert_eq!(reasons, expected);
    assert_eq!(message(&conditions, Reason::WithinObjective), "p99 is 43ms of 50ms");
}

/// Every step of a decision ends up where the table says.
#[rstest]
#[case(ReasonCode::TooManyReplicas, Reason::TooManyReplicas, "maxReplicas is 10: raise it")]
#[case(ReasonCode::AboveMaximum, Reason::AboveMaximum, "7 pods were asked for, maxReplicas is 10")]
#[case(ReasonCode::TooFewReplicas, Reason::TooFewReplicas, "minReplicas is 2")]
#[case(ReasonCode::ScaleUpLimit, Reason::ScaleUpLimit, "behavior.scaleUp")]
#[case(ReasonCode::ScaleUpStabilized, Reason::ScaleUpLimit, "behavior.scaleUp")]
#[case(ReasonCode::ScaleDownLimit, Reason::ScaleDownLimit, "behavior.scaleDown")]
#[case(ReasonCode::BudgetLow, Reason::BudgetLow, "7 stay")]
#[case(ReasonCode::HotPods, Reason::HotPods, "7 stay")]
#[case(ReasonCode::NotEnoughReady, Reason::NotEnoughReady, "only 7 are ready")]
#[case(ReasonCode::Unconfirmed, Reason::Unconfirmed, "after one look")]
#[case(ReasonCode::Frozen, Reason::Frozen, "too many services")]
#[case(ReasonCode::ScaledByOther, Reason::ScaledByOther, "somebody else set 7 pods")]
#[case(ReasonCode::ScaleDownStabilized, Reason::ScaleDownStabilized, "7 pods stay")]
#[case(ReasonCode::EvidencePartial, Reason::EvidencePartial, "7 of 7 running pods told their load")]
#[case(ReasonCode::Demand, Reason::DesiredWithinRange, "7 pods are needed")]
fn each_step_is_told(#[case] code: ReasonCode, #[case] reason: Reason, #[case] names: &str) {
    let text = told(&standing(with_reason(calm(), code)), "Active");
    assert!(message(&text, reason).contains(names), "{text:?}");
}

fn change(with: impl FnOnce(&mut Decided)) -> Decided {
    let mut decided = calm();
    with(&mut decided);
    decided
}

fn silent(decided: &mut Decided) {
    decided.observation.pods.iter_mut().for_each(|pod| pod.answer = Answer::Silent);
    decided.decision.numbers.fresh_share = Share::NONE;
}

fn trouble(decided: &mut Decided, trouble: Trouble) {
    decided.observation.pods[0].state = PodState::Starting;
    decided.observation.pods[0].trouble = Some(trouble);
    decided.troubles.insert(trouble, "pod p0: the cluster's words".to_owned());
}

/// What is wrong with pods is told in the cluster's own words, those about the trouble that is told.
#[rstest]
#[case(&[Trouble::Unschedulable], Reason::PodsPending)]
#[case(&[Trouble::Unschedulable, Trouble::CrashLoop], Reason::CrashLooping)]
#[case(&[Trouble::CrashLoop, Trouble::ImagePull], Reason::ImagePullFailing)]
#[case(&[Trouble::CreateFailed], Reason::CreateFailing)]
fn the_clusters_own_words_are_told(#[case] troubles: &[Trouble], #[case] reason: Reason) {
    let decided = change(|decided| {
        for (place, trouble) in troubles.iter().enumerate() {
            decided.observation.pods[place].state = PodState::Starting;
            decided.observation.pods[place].trouble = Some(*trouble);
            decided.troubles.insert(*trouble, format!("pod p{place}: {trouble:?} it said"));
        }
    });
    let conditions = told(&standing(decided), "Active");
    let text = message(&conditions, reason);
    let last = troubles.len() - 1;
    assert!(text.ends_with(&format!("; pod p{last}: {:?} it said", troubles[last])), "{text}");
}

#[rstest]
#[case::no_evidence(
    change(silent),
    Reason::NoEvidence,
    "0 of 7 running pods told their load: the size stays at 7"
)]
#[case::no_answer(change(silent), Reason::EvidenceAbsent, "NetworkPolicy")]
#[case::offered_unknown(change(silent), Reason::OfferedUnknown, "no pod")]
#[case::first_look(
    change(|decided| decided.decision.numbers.fresh_share = Share::NONE),
    Reason::Starting,
    "the first answers say nothing"
)]
#[case::no_pod(change(|decided| decided.observation.pods.clear()), Reason::EvidencePending, "7 are asked for")]
#[case::stale(
    change(|decided| decided.observation.inventory = Inventory::Stale),
    Reason::EvidenceStale,
    "the list of pods for too long: the size may grow, not shrink"
)]
#[case::stale_services(
    change(|decided| {
        decided.observation.inventory = Inventory::Stale;
        decided.stale = vec!["scaledservices", "horizontalpodautoscalers"];
    }),
    Reason::EvidenceStale,
    "the list of scaledservices and horizontalpodautoscalers for too long"
)]
#[case::half(
    change(|decided| decided.decision.numbers.fresh_share = Share::new(4.0 / 7.0)),
    Reason::EvidencePartial,
    "4 of 7"
)]
#[case::infeasible(
    change(|decided| decided.decision.numbers.capacity_per_pod = Rate::new(80.0)),
    Reason::MaxReplicasTooLow,
    "10 pods at 80/s hold 800/s, objectives.qps is 1k: raise maxReplicas to 13"
)]
#[case::unknown(
    change(|decided| decided.decision.numbers.capacity_confidence = Share::NONE),
    Reason::CapacityUnknown,
    "capacity.prior"
)]
#[case::learning(
    change(|decided| decided.decision.numbers.capacity_confidence = Share::NONE),
    Reason::Learning,
    "taken to be 150/s a pod; learned with confidence 0%"
)]
#[case::above(
    change(|decided| decided.decision.numbers.offered_rate = Rate::new(1200.0)),
    Reason::OfferedAboveTarget,
    "1.2k/s arrive, objectives.qps is 1k"
)]
#[case::late(
    change(|decided| decided.decision.numbers.latency_seconds[0] = Some(0.08)),
    Reason::LatencyAboveObjective,
    "p99 is 80ms, the objective is 50ms"
)]
#[case::short(
    change(|decided| decided.decision.numbers.ready_pods = Replicas(3)),
    Reason::CapacityBelowDemand,
    "3 ready pods hold 450/s, 700/s arrive"
)]
#[case::spent(
    change(|decided| {
        decided.decision.numbers.availability_budget = Some(Budget { remaining: -42.02, burn_rate: Some(3.12) });
    }),
    Reason::BudgetExhausted,
    "the error budget of 28 days is exhausted; the last hour spent 3.1 times what the objective allows"
)]
#[case::idle(change(|decided| decided.decision.numbers.offered_rate = Rate::ZERO), Reason::NoTraffic, "no request")]
#[case::quota(
    change(|decided| decided.observation.blocked = Some("exceeded quota".to_owned())),
    Reason::QuotaExceeded,
    "exceeded quota"
)]
#[case::no_priority_class(
    change(|decided| {
        let said = "pods \"orders-5d-\" is forbidden: no PriorityClass with name gold was found";
        decided.observation.blocked = Some(said.to_owned());
    }),
    Reason::PodsRefused,
    "no PriorityClass with name gold"
)]
#[case::unschedulable(change(|d| trouble(d, Trouble::Unschedulable)), Reason::PodsPending, "1 pods find no node")]
#[case::crashing(change(|d| trouble(d, Trouble::CrashLoop)), Reason::CrashLooping, "read their logs")]
#[case::no_image(change(|d| trouble(d, Trouble::ImagePull)), Reason::ImagePullFailing, "pull secret")]
#[case::not_made(change(|d| trouble(d, Trouble::CreateFailed)), Reason::CreateFailing, "describe them")]
#[case::overdue(
    change(|decided| decided.decision.numbers.overdue_pods = Replicas(2)),
    Reason::PodsLate,
    "2 pods take longer than 3 x 31s"
)]
#[case::scaled(
    change(|decided| decided.outcome = Outcome::Scaled { from: 7, to: 9 }),
    Reason::SucceededRescale,
    "7 -> 9 pods"
)]
#[case::moving(
    change(|decided| decided.outcome = Outcome::Scaled { from: 7, to: 9 }),
    Reason::Progressing,
    "7 of 9 pods are ready"
)]
#[case::held(
    change(|decided| {
        decided.outcome = Outcome::Held;
        decided.decision.target_replicas = Replicas(5);
    }),
    Reason::ReadyForNewScale,
    "7 pods; 5 if the next look agrees"
)]
#[case::failed(
    change(|d| d.outcome = Outcome::Refused(Refusal::Failed { message: "no room".to_owned() })),
    Reason::FailedUpdateScale,
    "no room"
)]
#[case::contested(
    change(|d| d.outcome = Outcome::Refused(Refusal::Contested { manager: Some("helm".to_owned()) })),
    Reason::FieldConflict,
    "helm keeps setting spec.replicas"
)]
#[case::contested_needs_user(
    change(|d| d.outcome = Outcome::Refused(Refusal::Contested { manager: Some("helm".to_owned()) })),
    Reason::NeedsUser,
    "remove replicas from what helm applies"
)]
#[case::unapplied(
    change(|d| d.unapplied = Some(Unapplied::Unavailable { message: "Service/orders: timeout".to_owned() })),
    Reason::WriteFailed,
    "Deployment/orders is sized on; Service/orders: timeout"
)]
#[case::unapplied_needs_user(
    change(|d| d.unapplied = Some(Unapplied::Refused { message: "Service/orders: forbidden".to_owned() })),
    Reason::NeedsUser,
    "forbidden"
)]
#[case::workers(
    change(|d| d.workers = Some(crate::controller::findings::Acknowledged { pods: 6, of: 7 })),
    Reason::NotAcknowledged,
    "6 of 7"
)]
fn each_trouble_is_told(#[case] decided: Decided, #[case] reason: Reason, #[case] names: &str) {
    let conditions = told(&standing(decided), "Active");
    assert!(message(&conditions, reason).contains(names), "{conditions:?}");
}

/// 0/s would say that a pod holds nothing.
#[rstest]
#[case(Reason::Holding, "7 pods are ready; 700/s arrive; the capacity of a pod is not known yet")]
#[case(Reason::Learning, "the capacity of a pod is not known yet; learned with confidence 0% so far")]
fn a_capacity_that_is_not_known_is_not_told_as_nothing(#[case] reason: Reason, #[case] text: &str) {
    let decided = change(|decided| {
        decided.decision.numbers.capacity_per_pod = Rate::ZERO;
        decided.decision.numbers.capacity_confidence = Share::NONE;
    });
    let conditions = told(&standing(decided), "Active");
    assert_eq!(message(&conditions, reason), text);
    assert!(!conditions.iter().any(|condition| condition.message.contains(" 0/s")), "{conditions:?}");
}

/// Whether the bound is set or follows from the promise, and although another step was the last.
#[rstest]
#[case(Some(5), "Observe", "1.2k/s need 6 pods, maxReplicas is 5")]
#[case(None, "Observe", "1.2k/s need 6 pods, objectives.qps allows 5")]
#[case(None, "Active", "1.2k/s need 6 pods, objectives.qps allows 5")]
fn a_need_above_the_bound_is_limited_by_it(#[case] max: Option<u32>, #[case] mode: &str, #[case] text: &str) {
    let mut service = service(mode);
    service.spec.max_replicas = max;
    let decided = change(|decided| {
        let numbers = &mut decided.decision.numbers;
        numbers.demand = Rate::new(1200.0);
        numbers.replicas = Replicas(2);
        numbers.needed_replicas = Replicas(6);
        numbers.max_replicas = Replicas(5);
        decided.outcome = Outcome::ObserveOnly;
    });
    for decided in [with_reason(decided.clone(), ReasonCode::ScaleUpLimit), decided] {
        let conditions =
            viewed(&service, &standing(decided), &ScaledServiceStatus::default(), at(0), conditions_of);
        assert!(message(&conditions, Reason::TooManyReplicas).starts_with(text), "{conditions:?}");
    }
}

/// Ready says what Headroom does, and that the promise is broken where it is.
#[rstest]
#[case("Active", 0.043, Reason::Holding, None)]
#[case(
    "Active",
    0.08,
    Reason::Holding,
    Some("; the objective is missed: p99 is 80ms, the objective is 50ms")
)]
#[case("Observe", 0.043, Reason::Watching, None)]
#[case(
    "Observe",
    0.08,
    Reason::Watching,
    Some("; the objective is missed: p99 is 80ms, the objective is 50ms")
)]
fn who_observes_holds_nothing(
    #[case] mode: &str,
    #[case] latency: f64,
    #[case] reason: Reason,
    #[case] missed: Option<&str>,
) {
    let decided = change(|decided| decided.decision.numbers.latency_seconds[0] = Some(latency));
    let conditions = told(&standing(decided), mode);
    let text = message(&conditions, reason);
    assert_eq!(text.contains("missed"), missed.is_some(), "{text}");
    assert!(text.ends_with(missed.unwrap_or("700/s arrive")), "{text}");
}

#[rstest]
#[case::unset(None, Reason::EnoughReplicas)]
#[case::at_the_threshold(Some("50ms"), Reason::EnoughReplicas)]
#[case::above_it(Some("51ms"), Reason::QueueDelayTooLong)]
fn a_queue_that_makes_requests_late_is_told(#[case] delay: Option<&str>, #[case] reason: Reason) {
    let mut service = service("Active");
    let config =
        delay.map_or_else(|| serde_json::json!({}), |delay| serde_json::json!({ "queueDelay": delay }));
    service.spec.scale_target_ref = None;
    service.spec.workload = serde_json::from_value(serde_json::json!({ "config": config })).unwrap();
    let conditions =
        viewed(&service, &standing(calm()), &ScaledServiceStatus::default(), at(0), conditions_of);
    let text = message(&conditions, reason);
    assert_eq!(text.contains("lower queueDelay"), reason == Reason::QueueDelayTooLong, "{text}");
}

#[test]
fn two_troubles_stall_a_service_once() {
    let decided = change(|decided| {
        decided.outcome = Outcome::Refused(Refusal::Contested { manager: None });
        decided.unapplied = Some(Unapplied::Refused { message: "forbidden".to_owned() });
    });
    let conditions = told(&standing(decided), "Active");
    assert_eq!(conditions.iter().filter(|condition| condition.reason == Reason::NeedsUser).count(), 1);
    assert!(message(&conditions, Reason::WriteFailed).contains("forbidden"));
}

#[rstest]
#[case("Active", Reason::Active)]
#[case("Observe", Reason::Observing)]
#[case("Paused", Reason::PausedByUser)]
fn the_mode_is_told(#[case] mode: &str, #[case] reason: Reason) {
    assert!(!message(&told(&Standing::Paused { target: target(7).into() }, mode), reason).is_empty());
}

#[test]
fn a_moment_without_the_size_keeps_the_picture_and_a_lasting_one_is_not_ready() {
    let service = service("Active");
    let next = |old: &ScaledServiceStatus, standing: &Standing, second| {
        viewed(&service, standing, old, at(second), status_of)
    };
    let reason = |status: &ScaledServiceStatus, kind| find(status, kind).map(|found| found.reason.clone());
    let calm = next(&ScaledServiceStatus::default(), &standing(calm()), 0);
    let gone = Standing::ScaleUnreadable { message: "timeout".to_owned() };

    let mut status = next(&calm, &gone, 1);
    assert_eq!(reason(&status, ConditionType::Ready).unwrap(), "Holding");
    assert_eq!(reason(&status, ConditionType::AbleToScale).unwrap(), "FailedGetScale");
    assert_eq!(status.offered_rate, calm.offered_rate);
    for second in 2..=11 {
        status = next(&status, &gone, second);
    }
    assert_eq!(reason(&status, ConditionType::Ready).unwrap(), "WriteFailed");
    assert_eq!(reason(&status, ConditionType::ObjectiveMet).unwrap(), "WithinObjective");
}
