//! Where a load steps up: nobody can have pods ready that quickly, so the seconds after a step are not judged.

use std::ops::Range;

/// A step is a rise by this factor or more ...
const FACTOR: f64 = 2.0;
/// ... within so many seconds ...
const WITHIN: usize = 2;
/// ... by this share of the load's peak at least: noise on a small load is no step.
const SHARE_OF_PEAK: f64 = 0.1;
/// Seconds after a step that are not judged.
const NOT_JUDGED: usize = 10;

/// Seconds that are not judged, given the planned requests of each second: ten from the beginning of every step.
/// Ranges are in order and don't touch; one begins where its step does.
pub fn not_judged(planned: &[f64]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for begin in steps(planned) {
        let range = begin..(begin + NOT_JUDGED).min(planned.len());
        match ranges.last_mut() {
            Some(last) if range.start <= last.end => last.end = range.end,
            _ => ranges.push(range),
        }
    }
    ranges
}

/// The first second of each step.
fn steps(planned: &[f64]) -> Vec<usize> {
    let peak = planned.iter().copied().fold(0.0, f64::max);
    let mut steps = Vec::new();
    let mut second = 0;
    while second < planned.len() {
        let before = planned[second];
        let soon = planned.iter().enumerate().skip(second + 1).take(WITHIN);
        let is_step = |rate: f64| rate >= FACTOR * before && rate - before >= SHARE_OF_PEAK * peak;
        if soon.clone().any(|(_, rate)| is_step(*rate)) {
            let begin = soon.clone().find(|(_, rate)| **rate > before);
            let begin = begin.map_or(second + 1, |(index, _)| index);
            steps.push(begin);
            // The rise itself may take another second; what follows it is a step of its own.
            second = begin + WITHIN - 1;
        } else {
            second += 1;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn load(parts: &[(usize, f64)]) -> Vec<f64> {
        let seconds = parts.iter().flat_map(|&(seconds, rate)| vec![rate; seconds]);
        seconds.collect()
    }

    #[rstest]
    #[case::nothing(&[], &[])]
    #[case::steady(&[(30, 100.0)], &[])]
    #[case::one_step(&[(5, 100.0), (30, 300.0)], &[(5, 15)])]
    #[case::over_two_seconds(&[(5, 100.0), (1, 150.0), (30, 300.0)], &[(5, 15)])]
    #[case::a_slope_is_no_step(&[(5, 100.0), (5, 150.0), (5, 250.0), (5, 400.0)], &[])]
    #[case::noise_on_a_small_load(&[(5, 1.0), (5, 5.0), (5, 100.0), (5, 1000.0)], &[(15, 20)])]
    #[case::two_steps(&[(5, 100.0), (20, 300.0), (5, 100.0), (20, 300.0)], &[(5, 15), (30, 40)])]
    #[case::a_step_after_a_step(&[(5, 100.0), (4, 300.0), (20, 900.0)], &[(5, 19)])]
    #[case::cut_off_at_the_end(&[(5, 100.0), (2, 300.0)], &[(5, 7)])]
    fn seconds_after_steps(#[case] parts: &[(usize, f64)], #[case] expected: &[(usize, usize)]) {
        let ranges: Vec<_> =
            not_judged(&load(parts)).into_iter().map(|range| (range.start, range.end)).collect();
        assert_eq!(ranges, expected);
    }
}
