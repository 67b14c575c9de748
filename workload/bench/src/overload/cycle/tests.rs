//! Tables for the arithmetic of steps.

use super::*;
use rstest::rstest;

const CYCLE: Cycle = Cycle { overload: 7, calm: 5 };
const CAPACITY: f64 = 100.0;

fn answered(at_millis: u64, status: u16, took_millis: u64) -> Ended {
    let outcome = Outcome::Answered { status, latency: Duration::from_millis(took_millis) };
    Ended { intended: Duration::from_millis(at_millis), target: 0, outcome }
}

/// One cycle after a lead of 1 s, with that many good answers in each bin.
fn pool(good: [u64; 12], lost: [u64; 12]) -> Pool {
    let mut pool = Pool::new(CYCLE, 0.05, 1.0);
    let mut requests = Vec::new();
    for bin in 0..12 {
        let at = 1000 + 100 * bin as u64 + 1;
        requests.extend((0..good[bin]).map(|_| answered(at, 200, 10)));
        requests.extend((0..lost[bin]).map(|_| answered(at, 503, 1)));
    }
    pool.add(&requests, 1.0, 1);
    pool
}

fn millis(time: Option<Duration>) -> Option<u128> {
    time.map(|time| time.as_millis())
}

#[rstest]
#[case::at_once([10; 12], Some(0))]
#[case::after_two_bins([5, 9, 10, 10, 10, 10, 10, 5, 5, 5, 5, 5], Some(200))]
#[case::a_dip_later_counts([10, 10, 10, 9, 10, 10, 10, 5, 5, 5, 5, 5], Some(400))]
#[case::never([10, 10, 10, 10, 10, 10, 9, 5, 5, 5, 5, 5], None)]
fn settled_is_from_when_on_the_goodput_stays(#[case] good: [u64; 12], #[case] expected: Option<u128>) {
    assert_eq!(millis(pool(good, [0; 12]).findings(CAPACITY).settle), expected);
}

#[rstest]
#[case::at_once([9; 12], Some(0))]
#[case::second_bin([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], Some(100))]
#[case::one_late_failure([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], Some(400))]
#[case::never([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], None)]
fn recovered_is_from_when_on_all_requests_turn_out_well(
    #[case] lost: [u64; 12],
    #[case] expected: Option<u128>,
) {
    let lost = if lost == [9; 12] { [9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0] } else { lost };
    assert_eq!(millis(pool([50; 12], lost).findings(CAPACITY).recover), expected);
}

#[test]
fn a_good_answer_counts_in_the_bin_it_came_in() {
    let mut pool = Pool::new(CYCLE, 0.2, 1.0);
    pool.add(&[answered(1095, 200, 10), answered(1095, 200, 300)], 1.0, 1);
    let counts =
        |bin: usize| (pool.bins[bin].intended, pool.bins[bin].turned_out_well, pool.bins[bin].good_answers);
    assert_eq!([counts(0), counts(1), counts(3)], [(2, 1, 0), (0, 0, 1), (0, 0, 0)]);
}

#[test]
fn cycles_are_laid_over_one_another_and_the_rest_is_left_out() {
    let mut pool = Pool::new(CYCLE, 0.05, 1.0);
    // Before the first step, in the first and the second cycle, after the second.
    pool.add(&[900, 1010, 2210, 3410].map(|at| answered(at, 200, 1)), 1.0, 2);
    assert_eq!((pool.bins[0].intended, pool.bins.iter().map(|bin| bin.intended).sum::<u64>()), (2, 2));
    assert_eq!(pool.rate(pool.bins[0].good_answers), 10.0);
}

#[test]
fn goodput_is_that_of_the_settled_part() {
    let findings = pool([0, 0, 0, 0, 0, 8, 10, 0, 0, 0, 0, 0], [0; 12]).findings(CAPACITY);
    assert_eq!((findings.goodput, findings.goodput_from_the_step.round()), (90.0, 26.0));
}

#[test]
fn who_is_never_answered_was_admitted_and_counts_with_the_timeout() {
    let mut pool = Pool::new(CYCLE, 0.05, 1.0);
    let lost = Ended { outcome: Outcome::Failed(Failure::Timeout), ..answered(1000, 200, 0) };
    pool.add(&[lost, answered(1000, 200, 20), answered(1000, 503, 900), answered(1000, 429, 900)], 1.0, 1);
    assert_eq!(pool.admitted, [1.0, 0.02]);
    assert_eq!(pool.findings(CAPACITY).p99_admitted_seconds, 1.0);
}

#[rstest]
#[case(&[], 0.0)]
#[case(&[3.0, 1.0, 2.0], 3.0)]
fn quantile_is_a_value_that_was_there(#[case] values: &[f64], #[case] expected: f64) {
    assert_eq!(quantile(values, 0.99), expected);
}
