//! Detects a step up, so that the fast window begins at the change instead of averaging over it.

use super::noise::deviation;
use crate::state::load::{Entry, LoadWindow, mean};
use crate::time::Moment;

/// A sample is beyond chance at so many standard deviations. Two in a row by chance alone: less than once in 10^12.
const DEVIATIONS: f64 = 5.0;
/// Rise, relative to the mean, that is not worth being called a step.
const SMALLEST: f64 = 0.05;
/// Window of the mean a sample is compared with, in seconds.
const BASELINE: f64 = 15.0;

/// The beginning of the new level, if the last two samples are both beyond chance above the load before them.
pub(super) fn detect(load: &LoadWindow, dispersion: f64, stepped_at: Option<Moment>) -> Option<Moment> {
    let [first, second] = load.last(2) else {
        return None;
    };
    let start = first.at.minus(first.seconds);
    if stepped_at.is_some_and(|at| start < at) {
        return None;
    }
    let before = load.before_last(2);
    let settled = stepped_at.map_or(0, |at| before.partition_point(|e| e.at <= at));
    let before = before.get(settled..).filter(|since| !since.is_empty()).unwrap_or(before);
    let level = mean(before, BASELINE, |e| e.demand)?;
    let beyond = |entry: &Entry| {
        let chance = DEVIATIONS * deviation(dispersion.max(1.0), level.max(1.0), entry.seconds);
        entry.demand > level + chance.max(SMALLEST * level)
    };
    (beyond(first) && beyond(second)).then_some(start)
}
