//! Tables and properties of the rate function.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case::before_the_start(-1.0, 0.0)]
#[case::first_step(0.0, 100.0)]
#[case::at_a_step_the_rate_after_it(10.0, 400.0)]
#[case::last_step(29.9, 400.0)]
#[case::after_the_end(30.0, 0.0)]
fn steps_have_the_rate_of_their_time(#[case] time: f64, #[case] expected: f64) {
    let rate = Rate::steps([(10.0, 100.0), (20.0, 400.0)]).unwrap();
    assert_eq!(rate.at(time), expected);
}

#[rstest]
#[case::start(0.0, 0.0)]
#[case::middle(5.0, 5.0 * 100.0 + 25.0 / 2.0 * 90.0)]
#[case::end(10.0, 5500.0)]
#[case::after_the_end(11.0, 5500.0)]
fn a_ramp_integrates_to_its_area(#[case] time: f64, #[case] expected: f64) {
    let rate = Rate::ramp(100.0, 1000.0, 10.0).unwrap();
    assert!((rate.intended_before(time) - expected).abs() < 1e-6);
}

#[test]
fn a_warm_up_is_at_the_first_rate_and_shifts_the_rest() {
    let rate = Rate::ramp(100.0, 200.0, 10.0).unwrap().with_warm_up(5.0).unwrap();
    assert_eq!((rate.seconds(), rate.at(0.0), rate.at(4.9), rate.at(10.0)), (15.0, 100.0, 100.0, 150.0));
    assert_eq!(rate.total(), 500.0 + 1500.0);
}

#[rstest]
#[case::empty(vec![], RateError::Empty)]
#[case::negative_rate(vec![(1.0, -1.0)], RateError::Rate(-1.0))]
#[case::too_fast(vec![(1.0, 1e9)], RateError::Rate(1e9))]
#[case::no_time(vec![(0.0, 1.0)], RateError::Length(0.0))]
#[case::too_long(vec![(1e9, 1.0)], RateError::Length(1e9))]
fn impossible_rates_are_refused(#[case] steps: Vec<(f64, f64)>, #[case] expected: RateError) {
    assert_eq!(Rate::steps(steps), Err(expected));
}

fn lines() -> impl Strategy<Value = Vec<(f64, f64, f64)>> {
    prop::collection::vec((0.1f64..50.0, 0.0f64..2000.0, 0.0f64..2000.0), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_inverse_finds_the_time_of_a_count(lines in lines(), share in 0.0f64..1.0) {
        let rate = Rate::build(lines).unwrap();
        let count = rate.total() * share;
        if let Some(time) = rate.time_of(count, &mut 0) {
            prop_assert!((rate.intended_before(time) - count).abs() < 1e-6 * (1.0 + count));
        }
    }

    #[test]
    fn the_integral_never_falls(lines in lines(), a in 0.0f64..400.0, b in 0.0f64..400.0) {
        let rate = Rate::build(lines).unwrap();
        prop_assert!(rate.intended_before(a.min(b)) <= rate.intended_before(a.max(b)) + 1e-9);
    }
}
