use headroom_core::units::{Rate, Replicas};
use headroom_core::{Budget, ReasonCode, Resizer};

use super::*;
use crate::controller::report::fixtures::{at, calm, service, standing, target, viewed, with_reason};
use headroom_api::conditions::ConditionStatus;

fn after(old: &ScaledServiceStatus, standing: &Standing, second: i64) -> ScaledServiceStatus {
    viewed(&service("Active"), standing, old, at(second), status_of)
}

fn scaled(from: u32, to: u32) -> Standing {
    let mut decided = with_reason(calm(), ReasonCode::Demand);
    decided.decision.numbers.replicas = Replicas(from);
    decided.decision.target_replicas = Replicas(to);
    decided.outcome = Outcome::Scaled { from, to };
    standing(decided)
}

/// Who looks up why pods went away must not read of a demand that somebody's own size had set aside.
#[rstest::rstest]
#[case::trimmed(&[(ReasonCode::Demand, 20, 12), (ReasonCode::ScaleDownLimit, 12, 18)], "Demand")]
#[case::undone(
    &[(ReasonCode::Demand, 20, 3), (ReasonCode::ScaledByOther, 3, 20), (ReasonCode::AboveMaximum, 20, 10)],
    "AboveMaximum"
)]
#[case::confirmed(&[(ReasonCode::CapacityUnknown, 20, 20), (ReasonCode::AboveMaximum, 20, 10)], "AboveMaximum")]
fn a_change_names_the_step_that_decided(#[case] steps: &[(ReasonCode, u32, u32)], #[case] named: &str) {
    let mut decided = calm();
    decided.decision.numbers.replicas = Replicas(20);
    decided.decision.reasons = steps
        .iter()
        .map(|(code, from, to)| headroom_core::Reason {
            code: *code,
            from: Replicas(*from),
            to: Replicas(*to),
            message: String::new(),
        })
        .collect();
    decided.outcome = Outcome::Scaled { from: 20, to: 10 };
    let status = after(&ScaledServiceStatus::default(), &standing(decided), 0);
    assert_eq!(status.decisions[0].reason, named);
}

/// Two of two would look like the most there may be.
#[rstest::rstest]
#[case(None, 0.0, "2/?")]
#[case(Some(10), 0.0, "2/10")]
#[case(None, 150.0, "2/9")]
fn no_bound_is_shown_before_one_is_known(
    #[case] max: Option<u32>,
    #[case] per_pod: f64,
    #[case] shown: &str,
) {
    let mut service = service("Active");
    service.spec.max_replicas = max;
    let mut decided = calm();
    let numbers = &mut decided.decision.numbers;
    numbers.ready_pods = Replicas(2);
    numbers.capacity_per_pod = Rate::new(per_pod);
    numbers.max_replicas = Replicas(max.unwrap_or(if per_pod > 0.0 { 9 } else { 2 }));
    decided.decision.target_replicas = Replicas(2);
    let status = viewed(&service, &standing(decided), &ScaledServiceStatus::default(), at(0), status_of);
    assert_eq!(status.display.replicas, shown);
}

#[test]
fn a_calm_service_shows_its_numbers() {
    let mut decided = calm();
    decided.decision.numbers.budgets[0] = Some(Budget { remaining: 0.871, burn_rate: Some(1.44) });
    let status = after(&ScaledServiceStatus::default(), &standing(decided), 0);
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!(
        (status.replicas, status.offered_rate, status.capacity_per_pod),
        (Some(7), Some(700), Some(150))
    );
    assert_eq!(status.time_to_ready, Some(Duration::from_secs(31)));
    let [objective] = status.objectives.as_slice() else { panic!("{:?}", status.objectives) };
    assert_eq!(objective.current, Some(Duration::from_millis(43)));
    assert_eq!(objective.budget_remaining_percent, Some(87));
    assert_eq!(objective.burn_rate.as_deref(), Some("1.4"));
    let columns = headroom_api::status::Display {
        offered: "700".to_owned(),
        capacity: "1.1k".to_owned(),
        latency: "43ms/50ms".to_owned(),
        replicas: "7/10".to_owned(),
        reason: "Holding".to_owned(),
        target: "Deployment/orders".to_owned(),
        per_pod: "150".to_owned(),
        budget: "87%".to_owned(),
        cpu: "500m".to_owned(),
        workers: "4".to_owned(),
        lead: "31s".to_owned(),
    };
    assert_eq!(status.display, columns);
    assert!(status.decisions.is_empty() && status.last_change.is_none());
}

#[test]
fn a_size_that_was_written_is_remembered_newest_first_and_ten_at_most() {
    let mut status = after(&ScaledServiceStatus::default(), &standing(calm()), 0);
    for step in 0..12 {
        let from = if step % 2 == 0 { 7 } else { 9 };
        status = after(&status, &scaled(from, 16 - from), i64::from(step) + 1);
    }
    assert_eq!(status.decisions.len(), 10);
    let newest = &status.decisions[0];
    assert_eq!((newest.from, newest.to, newest.reason.as_str()), (9, 7, "Demand"));
    assert_eq!((newest.at.0, newest.offered_rate), (at(12), Some(700)));
    assert_eq!(status.last_change, Some(newest.at.clone()));
    assert_eq!(status.display.replicas, "7/10");
    assert_eq!(after(&status, &scaled(7, 9), 20).display.replicas, "7->9/10");
}

#[test]
fn a_size_that_somebody_else_set_is_noticed_once() {
    let before = after(&ScaledServiceStatus::default(), &standing(calm()), 0);
    let mut decided = calm();
    decided.decision.numbers.replicas = Replicas(5);
    decided.decision.target_replicas = Replicas(5);
    decided.observation.resized_by = Resizer::Other;
    let noticed = after(&before, &standing(decided.clone()), 1);
    let again = after(&noticed, &standing(decided), 2);
    assert_eq!(again.decisions.len(), 1);
    let change = &again.decisions[0];
    assert_eq!((change.from, change.to, change.reason.as_str()), (7, 5, SCALED_BY_OTHER));
}

#[test]
fn what_was_only_decided_is_no_size_change() {
    for outcome in [Outcome::ObserveOnly, Outcome::Standby] {
        let mut decided = with_reason(calm(), ReasonCode::Demand);
        decided.decision.target_replicas = Replicas(9);
        decided.outcome = outcome;
        let before = after(&ScaledServiceStatus::default(), &standing(calm()), 0);
        let status = after(&before, &standing(decided), 1);
        assert!(status.decisions.is_empty());
        assert_eq!(status.replicas, Some(7));
        assert_eq!(status.display.replicas, "7->9/10");
    }
}

#[test]
fn a_paused_service_shows_its_size_and_nothing_old() {
    let before = after(&ScaledServiceStatus::default(), &scaled(7, 9), 0);
    let status = after(&before, &Standing::Paused { target: target(9).into() }, 1);
    assert_eq!((status.replicas, status.offered_rate), (Some(9), None));
    assert_eq!(status.display.replicas, "9");
    assert_eq!(status.decisions.len(), 1);
    assert!(status.conditions.iter().all(|condition| condition.type_ != "ObjectiveMet"));
}

#[test]
fn conditions_of_other_writers_are_not_ours_to_write() {
    let mut old = after(&ScaledServiceStatus::default(), &standing(calm()), 0);
    let mut foreign = old.conditions[0].clone();
    foreign.type_ = "example.com/Audited".to_owned();
    old.conditions.push(foreign);
    for next in [standing(calm()), Standing::ScaleUnreadable { message: "timeout".to_owned() }] {
        let status = after(&old, &next, 1);
        assert!(status.conditions.iter().all(|condition| condition.type_ != "example.com/Audited"));
    }
}

#[test]
fn the_largest_status_stays_within_its_bound() {
    let long = "\u{1F600}\"".repeat(2000);
    let mut service = service("Active");
    service.metadata.name = Some("n".repeat(253));
    let objective = service.spec.objectives.latency[0].clone();
    service.spec.objectives.latency = (0..4)
        .map(|index| headroom_api::LatencyObjective {
            name: format!("{index}{}", "o".repeat(31)),
            ..objective.clone()
        })
        .collect();
    let mut decided = with_reason(calm(), ReasonCode::TooManyReplicas);
    decided.target.name.name = "t".repeat(253);
    decided.decision.reasons[0].message.clone_from(&long);
    decided.observation.blocked = Some(long.clone());
    decided.decision.numbers.budgets = [Some(Budget { remaining: -1e9, burn_rate: Some(1e12) }); 4];
    decided.decision.numbers.starting_pods = Replicas(50_000);
    decided.workers = Some(crate::controller::findings::Acknowledged { pods: 1, of: 50_000 });
    let mut status = ScaledServiceStatus::default();
    for second in 0..12 {
        decided.outcome = Outcome::Scaled { from: 49_999, to: 50_000 };
        status = viewed(&service, &standing(decided.clone()), &status, at(second), status_of);
        assert!(length(&status) <= MOST_BYTES, "{} bytes", length(&status));
    }
    let refused = Standing::ScaleUnreadable { message: long };
    status = viewed(&service, &refused, &status, at(60), status_of);
    assert!(length(&status) <= MOST_BYTES, "{} bytes", length(&status));
    assert!(status.conditions.len() >= 11, "{:?}", status.conditions.len());
    assert!(!status.decisions.is_empty());
    assert!(status.conditions.iter().all(
        |condition| condition.status != ConditionStatus::Unknown.name() || !condition.message.is_empty()
    ));
}
