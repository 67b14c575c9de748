use headroom_core::units::{Replicas, Share};
use headroom_core::{Answer, ReasonCode, Resizer};
use rstest::rstest;

use super::*;
use crate::controller::report::fixtures::{at, calm, figures, service, standing, viewed, with_reason};
use crate::controller::report::status::status_of;
use crate::controller::{Decided, Owner, Refusal};

fn picture(before: &ScaledServiceStatus, standing: &Standing, second: i64) -> Picture {
    let status = viewed(&service("Active"), standing, before, at(second), status_of);
    let figures = match standing {
        Standing::Decided(decided) => Some(figures(decided)),
        _ => None,
    };
    Picture { status, figures }
}

/// The events of going from one standing to another, and then of staying there.
fn events(from: &Standing, to: &Standing) -> Vec<NewEvent> {
    let before = picture(&ScaledServiceStatus::default(), from, 0);
    let after = picture(&before.status, to, 1);
    let events = events_of(&before, &after, to);
    let later = picture(&after.status, to, 2);
    let again = events_of(&after, &later, to);
    let goes_on =
        !matches!(to, Standing::Decided(decided) if matches!(decided.outcome, Outcome::Scaled { .. }));
    assert!(!goes_on || again.is_empty(), "told twice: {again:?}");
    events
}

fn owned() -> Standing {
    Standing::TargetOwned { owner: Owner { kind: "ScaledObject".to_owned(), name: "web".to_owned() } }
}

fn change(with: impl FnOnce(&mut Decided)) -> Standing {
    let mut decided = with_reason(calm(), ReasonCode::Demand);
    with(&mut decided);
    standing(decided)
}

fn silent() -> Standing {
    change(|decided| {
        decided.observation.pods.iter_mut().for_each(|pod| pod.answer = Answer::Silent);
        decided.decision.numbers.fresh_share = Share::NONE;
    })
}

fn scaled() -> Standing {
    change(|decided| {
        decided.decision.target_replicas = Replicas(9);
        decided.outcome = Outcome::Scaled { from: 7, to: 9 };
    })
}

fn by_other() -> Standing {
    change(|decided| {
        decided.decision.numbers.replicas = Replicas(5);
        decided.decision.target_replicas = Replicas(5);
        decided.observation.resized_by = Resizer::Other;
    })
}

fn failed() -> Standing {
    change(|d| d.outcome = Outcome::Refused(Refusal::Failed { message: "no".to_owned() }))
}

fn contested() -> Standing {
    change(|d| d.outcome = Outcome::Refused(Refusal::Contested { manager: Some("helm".to_owned()) }))
}

fn limited() -> Standing {
    standing(with_reason(calm(), ReasonCode::TooManyReplicas))
}

fn frozen() -> Standing {
    standing(with_reason(calm(), ReasonCode::Frozen))
}

fn blocked() -> Standing {
    change(|decided| decided.observation.blocked = Some("quota".to_owned()))
}

fn unknown() -> Standing {
    change(|decided| decided.decision.numbers.capacity_confidence = Share::NONE)
}

fn invalid() -> Standing {
    Standing::InvalidSpec { message: "spec.x".to_owned() }
}

#[rstest]
#[case::nothing(standing(calm()), standing(calm()), &[])]
#[case::scaled(standing(calm()), scaled(), &[EventReason::SuccessfulRescale])]
#[case::by_other(standing(calm()), by_other(), &[EventReason::ScaledByOther])]
#[case::failed(standing(calm()), failed(), &[EventReason::FailedRescale])]
#[case::contested(standing(calm()), contested(), &[EventReason::ScaledByOther])]
#[case::lost(standing(calm()), silent(), &[EventReason::EvidenceLost])]
#[case::recovered(silent(), standing(calm()), &[EventReason::EvidenceRecovered])]
#[case::owned(standing(calm()), owned(), &[EventReason::TargetOwned])]
#[case::released(owned(), standing(calm()), &[EventReason::TargetReleased])]
#[case::limit(standing(calm()), limited(), &[EventReason::LimitReached])]
#[case::limit_left(limited(), standing(calm()), &[EventReason::LimitLeft])]
#[case::frozen(standing(calm()), frozen(), &[EventReason::ShrinkingFrozen])]
#[case::blocked(standing(calm()), blocked(), &[EventReason::ScaleUpBlocked])]
#[case::unblocked(blocked(), standing(calm()), &[EventReason::ScaleUpUnblocked])]
#[case::learned(unknown(), standing(calm()), &[EventReason::CapacityLearned])]
#[case::invalid(standing(calm()), invalid(), &[EventReason::InvalidSpec])]
fn a_change_is_told_once(#[case] from: Standing, #[case] to: Standing, #[case] expected: &[EventReason]) {
    let events = events(&from, &to);
    let reasons: Vec<_> = events.iter().map(|event| event.reason).collect();
    assert_eq!(reasons, expected, "{events:?}");
    assert!(events.iter().all(|event| !event.note.is_empty()));
}

#[test]
fn a_rescale_says_sizes_and_reason() {
    let events = events(&standing(calm()), &scaled());
    assert_eq!(events[0].note, "7 -> 9 pods; reason: Demand: said why");
    assert_eq!(events[0].values, "7 -> 9");
}

#[test]
fn a_budget_that_burns_is_told_and_its_end_too() {
    let status = picture(&ScaledServiceStatus::default(), &standing(calm()), 0);
    let burning = Picture {
        figures: status.figures.clone().map(|figures| Figures { burning: true, ..figures }),
        ..status.clone()
    };
    let told = |before: &Picture, after: &Picture| {
        events_of(before, after, &standing(calm())).into_iter().map(|event| event.reason).collect::<Vec<_>>()
    };
    assert_eq!(told(&status, &burning), [EventReason::BudgetBurning]);
    assert_eq!(told(&burning, &burning), []);
    assert_eq!(told(&burning, &status), [EventReason::BudgetRecovered]);
}

#[test]
fn a_note_fits_the_field() {
    let event = NewEvent::new(EventReason::InvalidSpec, "", "\u{1F600}".repeat(1000));
    assert!(event.note.len() <= MOST_NOTE);
}
