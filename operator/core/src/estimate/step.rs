//! Detects a step up, so that the fast window begins at the change instead of averaging over it.

use super::noise::deviation;
use crate::state::load::{Entry, LoadWindow, mean};
use crate::time::Moment;

/// Two samples in a row are beyond chance when they rise by so many standard deviations together, as two of 5 each do:
/// by chance less than once in 10^12. The step falls somewhere within the first of them, which shows a part of it only.
const TOGETHER: f64 = 10.0;
/// Each of them rises by so many at least: one alone may be an error of measurement.
const EACH: f64 = 2.5;
/// A standard deviation counts as this part of the mean at least: small rises are not worth being called a step.
const SMALLEST: f64 = 0.01;
/// The second sample shows a level of its own when it is so many standard deviations above the first.
const APART: f64 = 3.0;
/// Window of the mean a sample is compared with, in seconds.
const BASELINE: f64 = 15.0;

/// The beginning of the new level, if the last two samples are beyond chance above the load before them. A first sample
/// that lies between the levels is left out: the step came in the middle of it.
pub(super) fn detect(load: &LoadWindow, dispersion: f64, stepped_at: Option<Moment>) -> Option<Moment> {
    let [first, second] = load.last(2) else {
        return None;
    };
    let start = first.at.minus(first.seconds);
    if stepped_at.is_some_and(|at| start < at) {
        return None;
    }
    let before = load.before_last(2);
    // After a step the load is compared with the new level alone, once a sample shows it.
    let settled = stepped_at.map_or(0, |at| before.partition_point(|e| e.at <= at));
    let level = mean(before.get(settled..)?, BASELINE, |e| e.demand)?;
    let above = |entry: &Entry, level: f64| {
        let chance = deviation(dispersion.max(1.0), level.max(1.0), entry.seconds);
        (entry.demand - level) / chance.max(SMALLEST * level)
    };
    let rises = [above(first, level), above(second, level)];
    let stepped = rises.iter().all(|rise| *rise > EACH) && rises.iter().sum::<f64>() > TOGETHER;
    let partly = above(second, first.demand) > APART;
    stepped.then_some(if partly { second.at.minus(second.seconds) } else { start })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A level of 100/s for 20 s, then another from the middle of a look on: `part` of the first look shows it.
    fn stepped(factor: f64, part: f64, looks_after: usize) -> LoadWindow {
        let mut load = LoadWindow::default();
        let shown = std::iter::repeat_n(0.0, 20).chain([part]).chain(std::iter::repeat_n(1.0, looks_after));
        for (second, shown) in (0u32..).zip(shown) {
            let at = Moment::default().minus(-1.0 - f64::from(second));
            let demand = 100.0 * (1.0 + shown * (factor - 1.0));
            load.push(Entry { at, seconds: 1.0, demand, ..Entry::default() });
        }
        load
    }

    #[test]
    fn a_step_is_seen_within_two_looks_after_it_wherever_it_falls() {
        for factor in [1.8, 2.4, 3.5, 4.6] {
            for part in [0.05, 0.3, 0.5, 0.7, 0.95] {
                let seen = (0..=2).find(|looks| detect(&stepped(factor, part, *looks), 1.0, None).is_some());
                assert!(seen.is_some(), "x{factor}, {part} of a look");
                let large = factor > 2.0 && part >= 0.3;
                assert!(!large || seen == Some(1), "x{factor}, {part} of a look: {seen:?}");
            }
        }
    }

    #[test]
    fn a_look_that_shows_half_of_a_step_is_left_out_of_the_new_level() {
        let start = detect(&stepped(3.5, 0.5, 1), 1.0, None);
        assert_eq!(start, Some(Moment::default().minus(-21.0)));
        let whole = detect(&stepped(3.5, 1.0, 1), 1.0, None);
        assert_eq!(whole, Some(Moment::default().minus(-20.0)));
    }

    #[test]
    fn one_look_alone_is_no_step_however_high() {
        assert_eq!(detect(&stepped(50.0, 1.0, 0), 1.0, None), None);
    }
}
