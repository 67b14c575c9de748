//! From the books to the summary: objectives held or not, and whether the figures mean anything.

use super::ledger::{Ledger, TargetTally, Totals};
use super::{Objective, tally};
use crate::report::{
    Counts, ObjectiveResult, SUMMARY_VERSION, ScheduleKept, Summary, TargetSummary, Verdict,
};
use hdrhistogram::Histogram;
use std::time::Duration;

/// Above this percentage of requests behind schedule by the generator's own doing, a run is invalid.
const INVALID_PERCENT: f64 = 1.0;

/// What is known of a run besides its books.
#[derive(Debug)]
pub struct Run {
    /// When second 0 of the schedule began, in seconds since 1970.
    pub started_at_unix_seconds: f64,
    /// The targets' URLs.
    pub targets: Vec<String>,
    /// Connections opened to each.
    pub connections_opened: Vec<u64>,
    /// Requests sent, those of the warm-up too.
    pub requests_sent: u64,
    /// CPU time of the process.
    pub cpu: Duration,
    /// Whether it was ended before its time.
    pub interrupted: bool,
    /// The seed of the send times.
    pub seed: u64,
}

/// Closes the books.
pub fn summarise(ledger: Ledger, run: Run) -> Summary {
    let counts = ledger.counts();
    let (objectives, tallies, totals) = ledger.into_parts();
    let all = sum_of(&tallies);
    let judged = objectives.iter().zip(&totals.over);
    let results: Vec<_> =
        judged.map(|(objective, over)| judge(*objective, *over, &counts, all.as_ref())).collect();
    let schedule = schedule_kept(&totals, &counts);
    Summary {
        version: SUMMARY_VERSION,
        verdict: verdict(&schedule, &results),
        started_at_unix_seconds: run.started_at_unix_seconds,
        interrupted: run.interrupted,
        objectives: results,
        seconds: totals.seconds,
        bad_seconds: totals.bad_seconds,
        goodput: if counts.intended == 0 { 1.0 } else { counts.good as f64 / counts.intended as f64 },
        requests_per_second: counts.answered as f64 / totals.seconds.max(1) as f64,
        latency: all.as_ref().map(tally::latency).unwrap_or_default(),
        schedule,
        cpu_micros_per_request: run.cpu.as_secs_f64() * 1e6 / run.requests_sent.max(1) as f64,
        connections_opened: run.connections_opened.iter().sum(),
        seed: run.seed,
        per_target: per_target(&tallies, run),
        counts,
    }
}

/// The latencies of all targets; `None` without any target.
fn sum_of(tallies: &[TargetTally]) -> Option<Histogram<u64>> {
    let (first, rest) = tallies.split_first()?;
    let mut sum = first.latency.clone();
    for tally in rest {
        // Equal bounds: adding cannot fail.
        let _ = sum.add(&tally.latency);
    }
    Some(sum)
}

fn per_target(tallies: &[TargetTally], run: Run) -> Vec<TargetSummary> {
    let named = tallies.iter().zip(run.targets).zip(run.connections_opened);
    let one = |((tally, target), connections_opened): ((&TargetTally, String), u64)| TargetSummary {
        target,
        counts: tally.counts.clone(),
        latency: tally::latency(&tally.latency),
        connections_opened,
    };
    named.map(one).collect()
}

fn verdict(schedule: &ScheduleKept, results: &[ObjectiveResult]) -> Verdict {
    if schedule.behind_share_percent > INVALID_PERCENT {
        Verdict::Invalid
    } else if results.iter().all(|result| result.held) {
        Verdict::Held
    } else {
        Verdict::Missed
    }
}

/// An objective is held when at most `1 - quantile` of the requests were over its threshold or failed. So a server
/// that turns requests away does not look fast.
fn judge(
    objective: Objective,
    over: u64,
    counts: &Counts,
    latency: Option<&Histogram<u64>>,
) -> ObjectiveResult {
    let Objective { quantile, threshold } = objective;
    let known = counts.intended - counts.abandoned.min(counts.intended);
    let bad = over + counts.failed.total;
    let allowed = (1.0 - quantile.share()) * known as f64;
    let successes = counts.good + counts.late;
    let rank = quantile.share() * (successes + counts.failed.total) as f64;
    let among_successes = rank / successes.max(1) as f64;
    let measured =
        latency.filter(|_| among_successes <= 1.0).and_then(|all| tally::seconds_at(all, among_successes));
    ObjectiveResult {
        name: quantile.name().to_owned(),
        quantile: quantile.share(),
        threshold_seconds: threshold.as_secs_f64(),
        measured_seconds: measured,
        bad_percent: percent(bad, known),
        // 1 - 0.99 is a little more than 0.01: the tolerance is far below one request.
        held: bad as f64 <= allowed + 1e-6,
    }
}

fn schedule_kept(totals: &Totals, counts: &Counts) -> ScheduleKept {
    ScheduleKept {
        p99_behind_seconds: tally::seconds_at(&totals.behind, 0.99).unwrap_or_default(),
        max_behind_seconds: tally::seconds_at(&totals.behind, 1.0).unwrap_or_default(),
        behind_share_percent: percent(totals.own_fault, counts.intended),
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}
