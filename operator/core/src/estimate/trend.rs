//! The slope of the load, by least squares, where it is more than noise.

use super::noise::deviation;
use crate::state::load::{Entry, covered};

/// Entries and seconds needed for a slope.
const NEEDED: usize = 4;
const NEEDED_SECONDS: f64 = 8.0;
/// A slope counts from so many standard errors: noise alone then moves the size about once a day.
const ERRORS: f64 = 4.5;

/// Rise per second, in requests per second; `None` when there is no significant one. Ordinary least squares over the
/// middles of the entries; its standard error follows from the dispersion of the arrivals.
pub(super) fn slope(entries: &[Entry], dispersion: f64) -> Option<f64> {
    let last = entries.last().filter(|_| entries.len() >= NEEDED)?;
    if covered(entries) < NEEDED_SECONDS {
        return None;
    }
    let n = entries.len() as f64;
    let time = |e: &Entry| e.at.seconds_since(last.at) - 0.5 * e.seconds;
    let mean_time = entries.iter().map(time).sum::<f64>() / n;
    let mean_rate = entries.iter().map(|e| e.demand).sum::<f64>() / n;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for entry in entries {
        let t = time(entry) - mean_time;
        covariance += t * (entry.demand - mean_rate);
        variance += t * t;
    }
    let slope = covariance / variance;
    let error = deviation(dispersion, mean_rate, covered(entries) / n) / variance.sqrt();
    (slope.is_finite() && slope > ERRORS * error).then_some(slope)
}
