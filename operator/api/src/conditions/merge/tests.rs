use rstest::rstest;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn new(reason: Reason) -> NewCondition {
    NewCondition { reason, message: String::new() }
}

fn find(conditions: &[Condition], kind: ConditionType) -> &Condition {
    conditions.iter().find(|condition| condition.type_ == kind.name()).unwrap()
}

#[test]
fn every_type_has_reasons_and_every_reason_is_listed_once() {
    for kind in ConditionType::ALL {
        assert!(kind.reasons().count() > 0, "{kind:?} has no reason");
    }
    let mut sorted = Reason::ALL;
    sorted.sort();
    assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]), "a reason is listed twice");
    let total: usize = ConditionType::ALL.into_iter().map(|kind| kind.reasons().count()).sum();
    assert_eq!(total, Reason::ALL.len());
}

#[test]
fn the_transition_time_moves_only_when_the_status_changes() {
    let first = merge(&[], &[new(Reason::Starting)], Some(1), at(10));
    let same = merge(&first, &[new(Reason::Starting)], Some(2), at(20));
    assert_eq!(find(&same, ConditionType::Ready).last_transition_time, Time(at(10)));
    assert_eq!(find(&same, ConditionType::Ready).observed_generation, Some(2));

    let changed = merge(&same, &[new(Reason::Holding)], Some(2), at(30));
    assert_eq!(find(&changed, ConditionType::Ready).last_transition_time, Time(at(30)));
}

#[test]
fn another_reason_with_the_same_status_keeps_the_transition_time() {
    let first = merge(&[], &[new(Reason::TargetNotFound)], None, at(10));
    let other = merge(&first, &[new(Reason::TargetOwned)], None, at(20));
    let ready = find(&other, ConditionType::Ready);
    assert_eq!((ready.reason.as_str(), &ready.last_transition_time), ("TargetOwned", &Time(at(10))));
}

#[test]
fn conditions_that_ended_go_and_foreign_ones_stay() {
    let mut old = merge(&[], &[new(Reason::Progressing), new(Reason::Holding)], None, at(1));
    old.push(Condition { type_: "example.com/Audited".to_owned(), ..old[0].clone() });
    let types: Vec<_> = merge(&old, &[new(Reason::Holding)], None, at(2))
        .into_iter()
        .map(|condition| condition.type_)
        .collect();
    assert_eq!(types, ["Ready", "example.com/Audited"]);
}

#[test]
fn merging_the_same_twice_changes_nothing() {
    let seen = [new(Reason::Holding), new(Reason::Learned), new(Reason::DesiredWithinRange)];
    let first = merge(&[], &seen, Some(7), at(1));
    assert_eq!(merge(&first, &seen, Some(7), at(99)), first);
}

#[test]
fn a_long_message_is_cut() {
    let long = NewCondition { reason: Reason::Holding, message: "ü".repeat(2000) };
    assert_eq!(merge(&[], &[long], None, at(1))[0].message.chars().count(), MOST_MESSAGE);
}

#[rstest]
#[case(&[], None)]
#[case(&[Reason::Holding, Reason::DesiredWithinRange, Reason::Active], Some("Holding"))]
#[case(&[Reason::Watching, Reason::Observing], Some("Watching"))]
#[case(&[Reason::Holding, Reason::TooManyReplicas], Some("TooManyReplicas"))]
#[case(&[Reason::Holding, Reason::TooManyReplicas, Reason::MaxReplicasTooLow], Some("MaxReplicasTooLow"))]
#[case(&[Reason::Holding, Reason::ScaleUpLimit, Reason::LatencyAboveObjective], Some("LatencyAboveObjective"))]
#[case(&[Reason::EvidenceAbsent, Reason::NoEvidence], Some("NoEvidence"))]
#[case(&[Reason::Starting, Reason::Progressing], Some("Progressing"))]
#[case(&[Reason::Holding, Reason::PausedByUser, Reason::EvidencePartial], Some("PausedByUser"))]
fn the_column_shows_the_most_important_reason(#[case] reasons: &[Reason], #[case] shown: Option<&str>) {
    let conditions = merge(&[], &reasons.iter().copied().map(new).collect::<Vec<_>>(), None, at(1));
    assert_eq!(most_important(&conditions), shown);
}

#[test]
fn every_type_can_reach_the_column() {
    for kind in ConditionType::ALL {
        assert!(BY_IMPORTANCE.iter().any(|(listed, _)| *listed == kind), "{kind:?} is not in the list");
    }
}
