//! Properties of the intended send times.

use super::*;
use proptest::prelude::*;

fn rate() -> impl Strategy<Value = Rate> {
    prop::collection::vec((0.1f64..20.0, 0.0f64..300.0, 0.0f64..300.0), 1..5)
        .prop_map(|lines| Rate::build(lines).unwrap())
}

fn spacing() -> impl Strategy<Value = Spacing> {
    prop_oneof![Just(Spacing::Uniform), Just(Spacing::Poisson)]
}

#[test]
fn uniform_requests_sit_in_the_middle_of_their_interval() {
    let times: Vec<_> = Arrivals::new(Rate::constant(4.0, 1.0).unwrap(), Spacing::Uniform, 1).collect();
    assert_eq!(times, [125, 375, 625, 875].map(Duration::from_millis));
}

#[test]
fn another_seed_gives_other_poisson_times() {
    let times =
        |seed| Arrivals::new(Rate::constant(100.0, 5.0).unwrap(), Spacing::Poisson, seed).collect::<Vec<_>>();
    assert_ne!(times(1), times(2));
}

#[test]
fn poisson_gaps_have_a_standard_deviation_equal_to_their_mean() {
    let times: Vec<_> = Arrivals::new(Rate::constant(1000.0, 100.0).unwrap(), Spacing::Poisson, 7).collect();
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1].as_secs_f64() - pair[0].as_secs_f64()).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    assert!((variance.sqrt() / mean - 1.0).abs() < 0.02);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn times_ascend_and_end_with_the_schedule(rate in rate(), spacing in spacing(), seed: u64) {
        let end = Duration::from_secs_f64(rate.seconds());
        let times: Vec<_> = Arrivals::new(rate, spacing, seed).collect();
        prop_assert!(times.is_sorted());
        prop_assert!(times.last().is_none_or(|last| *last < end));
    }

    #[test]
    fn the_same_seed_gives_the_same_times(rate in rate(), spacing in spacing(), seed: u64) {
        let first = Arrivals::new(rate.clone(), spacing, seed);
        prop_assert!(first.eq(Arrivals::new(rate, spacing, seed)));
    }

    #[test]
    fn uniform_counts_are_the_integral_rounded_up_to_any_time(rate in rate(), share in 0.0f64..=1.0) {
        let time = rate.seconds() * share;
        let expected = rate.intended_before(time);
        let limit = Duration::from_secs_f64(time);
        let counted = Arrivals::new(rate, Spacing::Uniform, 0).take_while(|at| *at < limit).count() as f64;
        prop_assert!((counted - expected).abs() <= 0.5 + 1e-6);
    }

    #[test]
    fn poisson_counts_stay_near_the_integral(rate in rate(), seed: u64) {
        let expected = rate.total();
        let counted = Arrivals::new(rate, Spacing::Poisson, seed).count() as f64;
        // 6 sigma, and some room for small means: about one failure in 10^8 cases.
        prop_assert!((counted - expected).abs() <= 6.0 * expected.sqrt() + 20.0);
    }
}
