//! How noisy the load is: the index of dispersion of arrivals, 1 for a Poisson process, 0 for a metronome.

use crate::state::load::Entry;

/// Differences needed before the load's own noise is believed; until then it counts as Poisson.
const NEEDED: usize = 6;
/// Noisier loads than this are steps and bursts, which are dealt with elsewhere.
const NOISIEST: f64 = 100.0;

/// Index of dispersion from successive differences, which a slow rise or fall of the load leaves alone.
///
/// For entries of length t with mean rate m, the difference of two neighbours has the variance D m (1/t1 + 1/t2).
/// Samples of the pods are smoother than the load: with too few other entries it can't be told.
pub(super) fn dispersion(entries: &[Entry]) -> Option<f64> {
    let (mut squares, mut expected, mut pairs) = (0.0, 0.0, 0);
    for pair in entries.windows(2) {
        let [a, b] = pair else { continue };
        if a.sampled || b.sampled {
            continue;
        }
        pairs += 1;
        let mean = 0.5 * (a.demand + b.demand);
        squares += (b.demand - a.demand).powi(2);
        expected += mean * (1.0 / a.seconds + 1.0 / b.seconds);
    }
    if pairs < NEEDED {
        return None;
    }
    Some(if expected > 0.0 { (squares / expected).min(NOISIEST) } else { 0.0 })
}

/// Standard deviation of the mean rate over `seconds`, for a load of `rate` with this dispersion.
pub(super) fn deviation(dispersion: f64, rate: f64, seconds: f64) -> f64 {
    (dispersion * rate / seconds).sqrt()
}
