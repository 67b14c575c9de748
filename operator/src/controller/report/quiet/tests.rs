use headroom_api::conditions::{NewCondition, Reason, merge};

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn showing(reasons: &[Reason]) -> ScaledServiceStatus {
    let new: Vec<_> =
        reasons.iter().map(|reason| NewCondition { reason: *reason, message: "3 pods".to_owned() }).collect();
    ScaledServiceStatus { conditions: merge(&[], &new, Some(1), at(0)), ..Default::default() }
}

/// Chooses for one service and calls it done.
fn writes(quiet: &mut Quiet, change: Change, second: i64) -> bool {
    let chosen = quiet.choose(vec![("a".to_owned(), change)], at(second));
    quiet.done("a");
    !chosen.is_empty()
}

#[test]
fn a_change_is_as_urgent_as_the_most_urgent_thing_in_it() {
    let calm = showing(&[Reason::Holding, Reason::DesiredWithinRange]);
    assert_eq!(change_of(None, &calm), Change::Size);
    assert_eq!(change_of(Some(&calm), &calm), Change::Nothing);

    let rate = ScaledServiceStatus { offered_rate: Some(4), ..calm.clone() };
    assert_eq!(change_of(Some(&calm), &rate), Change::Numbers);

    let limited = showing(&[Reason::Holding, Reason::TooManyReplicas]);
    assert_eq!(change_of(Some(&calm), &limited), Change::Explanation);
    assert_eq!(
        change_of(Some(&calm), &showing(&[Reason::NoEvidence, Reason::TooManyReplicas])),
        Change::Vital
    );
    assert_eq!(change_of(Some(&calm), &showing(&[Reason::Holding])), Change::Explanation, "one that goes");

    let sized = ScaledServiceStatus { replicas: Some(9), ..limited };
    assert_eq!(change_of(Some(&calm), &sized), Change::Size);

    let mut reworded = calm.clone();
    reworded.conditions[0].message = "4 pods".to_owned();
    assert_eq!(change_of(Some(&calm), &reworded), Change::Numbers);
}

#[test]
fn numbers_wait_fifteen_seconds() {
    let mut quiet = Quiet::new(20);
    let written = (0..120).filter(|second| writes(&mut quiet, Change::Numbers, *second)).count();
    assert_eq!(written, 8);
}

#[test]
fn an_explanation_goes_at_once_but_not_more_than_four_times_a_minute() {
    let mut quiet = Quiet::new(20);
    assert!(writes(&mut quiet, Change::Numbers, 0));
    assert!(writes(&mut quiet, Change::Explanation, 1));
    let written = (2..60).filter(|second| writes(&mut quiet, Change::Explanation, *second)).count();
    assert_eq!(written, 2);
    assert!(writes(&mut quiet, Change::Vital, 59));
    assert!(writes(&mut quiet, Change::Size, 59));
}

#[test]
fn nothing_is_never_written_and_a_write_under_way_is_waited_for() {
    let mut quiet = Quiet::new(20);
    assert!(!writes(&mut quiet, Change::Nothing, 0));
    let wish = || vec![("a".to_owned(), Change::Size)];
    assert_eq!(quiet.choose(wish(), at(1)).len(), 1);
    assert_eq!(quiet.choose(wish(), at(2)).len(), 0);
    quiet.failed("a");
    assert_eq!(quiet.choose(wish(), at(3)).len(), 1);
}

#[test]
fn the_fleet_writes_twenty_a_second_the_most_urgent_first() {
    let mut quiet = Quiet::new(20);
    let mut wishes: Vec<_> = (0..100).map(|i| (format!("n{i:03}"), Change::Numbers)).collect();
    wishes.extend((0..30).map(|i| (format!("v{i:02}"), Change::Vital)));
    let first = quiet.choose(wishes.clone(), at(0));
    assert_eq!(first.len(), 20);
    assert!(first.iter().all(|uid| uid.starts_with('v')), "{first:?}");
    assert_eq!(quiet.choose(wishes.clone(), at(0)).len(), 0, "the budget is spent");

    for uid in &first {
        quiet.done(uid);
    }
    let second = quiet.choose(wishes.clone(), at(1));
    assert!(second.iter().all(|uid| uid.starts_with('v')), "{second:?}");
    for uid in &second {
        quiet.done(uid);
    }

    // An hour of rest does not save up more than one second's worth.
    assert_eq!(quiet.choose(wishes, at(3600)).len(), 20);
}

#[test]
fn a_clock_that_goes_back_holds_up_nothing_for_long() {
    let mut quiet = Quiet::new(20);
    assert!(writes(&mut quiet, Change::Size, 100));
    assert!(writes(&mut quiet, Change::Size, 50));
}

#[test]
fn a_write_that_fails_is_tried_again_after_a_rest_that_grows_to_a_minute() {
    let mut quiet = Quiet::new(20);
    let mut tries = Vec::new();
    for second in 0..300 {
        if !quiet.choose(vec![("a".to_owned(), Change::Size)], at(second)).is_empty() {
            quiet.failed("a");
            tries.push(second);
        }
    }
    assert_eq!(tries, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    assert!(writes(&mut quiet, Change::Size, 303));
    assert!(writes(&mut quiet, Change::Size, 304), "a write that was made ends it");
}

#[test]
fn services_that_are_always_refused_leave_the_budget_to_the_others() {
    let mut quiet = Quiet::new(20);
    let mut told = HashMap::new();
    let names = (0..20).map(|i| format!("a{i:02}")).chain((0..40).map(|i| format!("b{i:02}")));
    let wishes: Vec<_> = names.map(|uid| (uid, Change::Vital)).collect();
    for second in 0..4 {
        for uid in quiet.choose(wishes.clone(), at(second)) {
            if uid.starts_with('a') {
                quiet.failed(&uid);
            } else {
                quiet.done(&uid);
                *told.entry(uid).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(told.len(), 40, "{told:?}");
}

fn sized(replicas: &str, offered: i64) -> ScaledServiceStatus {
    let mut status = ScaledServiceStatus { offered_rate: Some(offered), ..showing(&[Reason::Holding]) };
    replicas.clone_into(&mut status.display.replicas);
    status
}

#[test]
fn a_step_of_the_load_and_pods_that_have_become_ready_are_steps() {
    let of = |written: (&str, i64), new: (&str, i64)| {
        change_of(Some(&sized(written.0, written.1)), &sized(new.0, new.1))
    };
    assert_eq!(of(("2/10", 18), ("2/10", 250)), Change::Step);
    assert_eq!(of(("2/10", 250), ("2/10", 18)), Change::Step);
    assert_eq!(of(("2/10", 0), ("2/10", 250)), Change::Step);
    assert_eq!(of(("2/10", 250), ("2/10", 400)), Change::Numbers);
    assert_eq!(of(("2/10", 1), ("2/10", 4)), Change::Numbers, "it may be chance");
    assert_eq!(of(("2->6/10", 250), ("6/10", 250)), Change::Step);
    assert_eq!(of(("2->6/10", 250), ("4->6/10", 250)), Change::Numbers);
    assert_eq!(of(("6/10", 250), ("5->6/10", 250)), Change::Numbers);
    assert_eq!(of(("2->6/10", 250), ("", 250)), Change::Numbers, "not known is not arrived");
}

/// The run of the tutorial: conditions come and go at the step, which used up a minute's writes.
#[rstest::rstest]
#[case(Change::Size)]
#[case(Change::Step)]
fn after_a_change_of_size_it_is_written_within_five_seconds_and_never_silent_for_more_than_fifteen(
    #[case] change: Change,
) {
    for what in [Change::Numbers, Change::Explanation] {
        let mut quiet = Quiet::new(20);
        (0..4).for_each(|second| assert!(writes(&mut quiet, Change::Vital, second)));
        assert!(writes(&mut quiet, change, 4));
        let written: Vec<_> = (5..70).filter(|second| writes(&mut quiet, what, *second)).collect();
        assert_eq!(written[..3], [9, 14, 19]);
        assert!(written.windows(2).all(|pair| pair[1] - pair[0] <= 15), "{written:?}");
        assert!(written.len() <= 8, "{written:?}");

        let steady: Vec<_> = (70..370).filter(|second| writes(&mut quiet, what, *second)).collect();
        assert!(steady.windows(5).all(|five| five[4] - five[0] >= 60), "{steady:?}");
    }
}

#[test]
fn a_load_that_steps_all_the_time_is_not_written_without_end() {
    let mut quiet = Quiet::new(20);
    let written = (0..600).filter(|second| writes(&mut quiet, Change::Step, *second)).count();
    assert!((100..=120).contains(&written), "{written}");
}

#[test]
fn nothing_is_written_after_a_change_when_nothing_differs() {
    let mut quiet = Quiet::new(20);
    assert!(writes(&mut quiet, Change::Size, 0));
    assert!((1..120).all(|second| !writes(&mut quiet, Change::Nothing, second)));
}
