//! The capacity of a server: the largest rate held at the objective with less than 1 % bad, and what the server's own
//! counters say of it.

use std::time::Duration;

use headroom_load::account::{Ended, Outcome};
use headroom_workload::stats::Stats;
use serde::Serialize;

use super::load::{Load, Played};
use super::process::Process;
use super::subject::Handler;

/// The share of bad requests that a rate is held with at most.
pub const MOST_BAD: f64 = 0.01;
/// Not counted at the beginning of each rate, in seconds.
const LEAD: f64 = 1.0;

/// A rate and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Requests per second.
    pub rate: f64,
    /// Percent of the requests that were bad, as the clients saw it.
    pub bad_percent: f64,
    /// The same by the difference of two `/stats`.
    pub bad_percent_by_stats: f64,
}

impl Held {
    fn is_held(&self) -> bool {
        self.bad_percent < 100.0 * MOST_BAD
    }
}

/// Offers one rate for so many seconds after a second of warm-up.
pub fn hold(
    server: &Process,
    handler: Handler,
    rate: f64,
    seconds: f64,
    seed: u64,
) -> anyhow::Result<(Held, Played)> {
    let load =
        |seconds, seed| Load::new(server.listening(), handler.objective(), vec![(seconds, rate)], seed);
    load(LEAD, seed ^ 1).play()?;
    let before = server.stats()?;
    let played = load(seconds, seed).play()?;
    let by_stats = bad_share(&before, &server.stats()?);
    let goodput = played.summary.goodput;
    let held = Held { rate, bad_percent: 100.0 * (1.0 - goodput), bad_percent_by_stats: 100.0 * by_stats };
    Ok((held, played))
}

/// Answers per second of a server that has more to do than it can, from `LEAD` on.
pub fn saturated(server: &Process, handler: Handler, seconds: f64, seed: u64) -> anyhow::Result<f64> {
    let rate = 1.3 * handler.queue().hard_capacity();
    let mut load = Load::new(server.listening(), handler.objective(), vec![(LEAD + seconds, rate)], seed);
    // Nobody gives up, or the answer to who has left would be work for nothing.
    load.timeout = Duration::from_secs(30);
    let played = load.play()?;
    Ok(answers_between(&played.requests, LEAD, LEAD + seconds) as f64 / seconds)
}

fn answers_between(requests: &[Ended], from: f64, to: f64) -> usize {
    let came = |request: &Ended| match request.outcome {
        Outcome::Answered { status: 200..400, latency } => Some((request.intended + latency).as_secs_f64()),
        _ => None,
    };
    requests.iter().filter_map(came).filter(|at| (from..to).contains(at)).count()
}

/// Where to look next after a rate, in theory: the share of late requests falls by a factor of e for each
/// `1 / threshold` requests per second less.
pub fn next_rate(held: Held, handler: Handler) -> f64 {
    let bad = (held.bad_percent / 100.0).clamp(MOST_BAD / 20.0, 20.0 * MOST_BAD);
    held.rate - (bad / MOST_BAD).ln() / handler.objective().as_secs_f64()
}

/// The largest rate that was held.
pub fn largest_held(tried: &[Held]) -> Option<f64> {
    tried.iter().filter(|held| held.is_held()).map(|held| held.rate).max_by(f64::total_cmp)
}

/// The share of bad requests between two snapshots: late, rejected for overload, timed out, failed.
fn bad_share(before: &Stats, after: &Stats) -> f64 {
    let late = |stats: &Stats| stats.objectives.iter().map(|objective| objective.late).sum::<u64>();
    let bad = |stats: &Stats| late(stats) + stats.rejected.overload() + stats.responses.server_error;
    let arrivals = after.arrivals.saturating_sub(before.arrivals);
    bad(after).saturating_sub(bad(before)) as f64 / arrivals.max(1) as f64
}

/// The rate at which the share of bad requests reaches [`MOST_BAD`], from the shares at rising rates: a straight line
/// through their logarithms, as the tail of a queue is exponential. `None` if they tell nothing.
pub fn learned(by_rate: &[(f64, f64)]) -> Option<f64> {
    let telling = |&&(_, bad): &&(f64, f64)| (0.0005..0.3).contains(&bad);
    let points: Vec<_> = by_rate.iter().filter(telling).map(|(rate, bad)| (*rate, bad.ln())).collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (rate, log) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - rate).powi(2)).sum();
    let slope = points.iter().map(|point| (point.0 - rate) * (point.1 - log)).sum::<f64>() / spread;
    (slope.is_finite() && slope > 0.0).then(|| rate + (MOST_BAD.ln() - log) / slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn held(rate: f64, bad_percent: f64) -> Held {
        Held { rate, bad_percent, bad_percent_by_stats: 0.0 }
    }

    #[test]
    fn the_largest_rate_with_less_than_one_percent_counts() {
        let tried = [held(450.0, 3.0), held(430.0, 0.4), held(440.0, 0.99), held(445.0, 1.0)];
        assert_eq!(largest_held(&tried), Some(440.0));
        assert_eq!(largest_held(&tried[..1]), None);
    }

    #[rstest]
    #[case::too_much(std::f64::consts::E, 440.0)]
    #[case::too_little(std::f64::consts::E.recip(), 460.0)]
    #[case::just_right(1.0, 450.0)]
    #[case::far_too_much(100.0, 450.0 - 10.0 * 20f64.ln())]
    fn the_next_rate_follows_the_tail(#[case] bad_percent: f64, #[case] expected: f64) {
        assert!((next_rate(held(450.0, bad_percent), Handler::Cpu) - expected).abs() < 1e-6);
    }

    #[test]
    fn capacity_is_learned_from_an_exponential_tail() {
        let bad = |rate: f64| (-(500.0 - rate) * 0.1).exp();
        let expected = 500.0 - 100f64.ln() / 0.1;
        let points = [420.0, 440.0, 460.0].map(|rate| (rate, bad(rate)));
        assert!((learned(&points).unwrap() - expected).abs() < 1e-6);
    }

    #[rstest]
    #[case::nothing_bad(&[(100.0, 0.0), (200.0, 0.0)])]
    #[case::one_point(&[(100.0, 0.01)])]
    #[case::falling(&[(100.0, 0.02), (200.0, 0.01)])]
    fn some_rates_tell_nothing(#[case] points: &[(f64, f64)]) {
        assert_eq!(learned(points), None);
    }

    #[test]
    fn answers_count_when_they_come() {
        let answered = |millis, took| Ended {
            intended: Duration::from_millis(millis),
            target: 0,
            outcome: Outcome::Answered { status: 200, latency: Duration::from_millis(took) },
        };
        assert_eq!(
            answers_between(&[answered(0, 500), answered(900, 200), answered(1900, 200)], 1.0, 2.0),
            1
        );
    }
}
