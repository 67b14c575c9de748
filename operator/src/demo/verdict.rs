//! The verdict: held or missed, from the generator's records and our account of processes, never from what the
//! servers say of themselves.

use std::ops::Range;

use headroom_load::report::Second;
use headroom_sim::mmc::Mmc;
use headroom_sim::optimum::{Optimum, needs};
use serde::Serialize;

/// At most this share of the judged seconds may be bad.
pub const MAX_BAD_SHARE: f64 = 0.02;
/// At most this many times the pod-hours of the optimum may be used.
pub const MAX_EFFICIENCY: f64 = 1.5;
/// The optimum follows a mean over so many seconds: it need not follow the draws of chance.
const SMOOTHED_SECONDS: usize = 5;

/// What one server can do.
#[derive(Debug, Clone, Copy)]
pub struct Server {
    /// Its slots, and the time each request occupies one.
    pub queue: Mmc,
    /// Share of the requests that must be answered in time.
    pub quantile: f64,
    /// That time, in seconds.
    pub threshold_seconds: f64,
    /// Seconds from start to ready.
    pub start_delay: u32,
}

impl Server {
    /// Requests per second that it carries within the objective, about: what remains of the objective after the
    /// service time is for waiting.
    pub fn carries(&self) -> f64 {
        let wait = (self.threshold_seconds - self.queue.service_seconds).max(0.0);
        self.queue.rate_at_wait(self.quantile, wait)
    }

    /// The objective as the load generator takes it. It knows a few quantiles only, and needs none of them: its records
    /// count what is within the threshold, and the verdict is ours.
    pub fn objective(&self) -> String {
        format!("p99<{:.0}ms", 1000.0 * self.threshold_seconds)
    }

    /// The share of the objective in percent, without the dust of binary fractions.
    pub fn percent(&self) -> f64 {
        (1e6 * self.quantile).round() / 1e4
    }
}

/// What is judged.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The generator's records.
    pub seconds: &'a [Second],
    /// Seconds that are not judged.
    pub not_judged: &'a [Range<usize>],
    /// Whether the generator kept its own schedule.
    pub generator_kept_up: bool,
    /// Pods times seconds used.
    pub pod_seconds: f64,
    /// How often the size was made smaller.
    pub scale_ins: usize,
    /// Bounds of the size.
    pub min_replicas: u32,
    /// `None` where the service leaves it open.
    pub max_replicas: Option<u32>,
    /// What one server can do.
    pub server: Server,
}

/// In a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The objective was held, at a fair price.
    Held,
    /// It was not.
    Missed,
}

/// The verdict with everything it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// In a word.
    pub verdict: Verdict,
    /// Why it was missed and what would have held it, a sentence each.
    pub why: Vec<String>,
    /// Seconds in which more than 1 % of the requests were bad.
    pub bad: Vec<usize>,
    /// Seconds that were judged.
    pub judged: usize,
    /// Of those, the bad ones.
    pub judged_bad: usize,
    /// The cheapest sizes that someone who knew the future could have chosen.
    pub optimum: Optimum,
    /// Pod-seconds used, as a multiple of the optimum's.
    pub efficiency: f64,
}

/// Judges.
pub fn judge(evidence: &Evidence<'_>) -> Judgement {
    let Evidence { seconds, not_judged, .. } = evidence;
    let is_judged = |second: &usize| !not_judged.iter().any(|range| range.contains(second));
    let bad: Vec<usize> = (0..seconds.len()).filter(|&second| seconds[second].is_bad()).collect();
    let optimum = optimum(evidence);
    let mut judgement = Judgement {
        verdict: Verdict::Held,
        why: Vec::new(),
        judged: (0..seconds.len()).filter(is_judged).count(),
        judged_bad: bad.iter().filter(|second| is_judged(second)).count(),
        bad,
        efficiency: evidence.pod_seconds / (optimum.pod_seconds.max(1) as f64),
        optimum,
    };
    judgement.why = [
        generator(evidence),
        bad_seconds(evidence, &judgement, is_judged),
        price(&judgement),
        never_smaller(evidence),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !judgement.why.is_empty() {
        judgement.verdict = Verdict::Missed;
    }
    judgement
}

/// Nobody serves more than a server's hard capacity, so no policy beats this.
fn optimum(evidence: &Evidence<'_>) -> Optimum {
    let rates = smoothed(evidence.seconds);
    let capacity = evidence.server.queue.hard_capacity();
    Optimum::of(&needs(&rates, capacity, evidence.min_replicas), evidence.server.start_delay)
}

/// Means of the intended requests over the seconds around each.
fn smoothed(seconds: &[Second]) -> Vec<f64> {
    let reach = SMOOTHED_SECONDS / 2;
    let mean = |at: usize| {
        let around = &seconds[at.saturating_sub(reach)..(at + reach + 1).min(seconds.len())];
        around.iter().map(|second| second.intended as f64).sum::<f64>() / around.len() as f64
    };
    (0..seconds.len()).map(mean).collect()
}

fn generator(evidence: &Evidence<'_>) -> Option<String> {
    if evidence.seconds.is_empty() {
        return Some("The load generator recorded nothing.".to_owned());
    }
    let text = "The load generator fell behind its own schedule, so its figures say nothing: give it more CPU, or less \
                to do with --scale.";
    (!evidence.generator_kept_up).then(|| text.to_owned())
}

fn bad_seconds(
    evidence: &Evidence<'_>,
    judged: &Judgement,
    is_judged: impl Fn(&usize) -> bool,
) -> Option<String> {
    if judged.judged_bad as f64 <= MAX_BAD_SHARE * judged.judged as f64 {
        return None;
    }
    let when: Vec<usize> = judged.bad.iter().copied().filter(is_judged).collect();
    let cause = too_small(evidence).unwrap_or_else(|| {
        "The size followed too late or too tightly: a larger `reserve.qps`, a smaller step or a shorter start delay \
         would have helped."
            .to_owned()
    });
    Some(format!(
        "{} of {} judged seconds were bad, allowed are {:.0} %; they were at {}. {cause}",
        judged.judged_bad,
        judged.judged,
        100.0 * MAX_BAD_SHARE,
        ranges(&when)
    ))
}

/// Whether `maxReplicas` was in the way, and what would not have been.
fn too_small(evidence: &Evidence<'_>) -> Option<String> {
    let server = evidence.server;
    let carries = server.carries();
    let peak = smoothed(evidence.seconds).into_iter().fold(0.0, f64::max);
    let needed = needs(&[peak], carries, evidence.min_replicas)[0];
    let max = evidence.max_replicas.filter(|max| *max < needed)?;
    Some(format!(
        "maxReplicas {max} carries about {:.0}/s within the objective, and the peak of {peak:.0}/s needs {needed} pods: \
         set maxReplicas to at least {needed}.",
        f64::from(max) * carries
    ))
}

fn price(judged: &Judgement) -> Option<String> {
    (judged.efficiency > MAX_EFFICIENCY).then(|| {
        format!(
            "{:.2} times the pod-hours of the optimum were used, allowed are {MAX_EFFICIENCY}: a smaller reserve, a \
             smaller minReplicas or a shorter behavior.scaleDown window would have cost less.",
            judged.efficiency
        )
    })
}

fn never_smaller(evidence: &Evidence<'_>) -> Option<String> {
    let text = "The size was never made smaller: the load must fall for longer than the behavior.scaleDown window, to \
                less than fewer pods carry (see --scale).";
    (evidence.scale_ins == 0).then(|| text.to_owned())
}

/// `3-5 s, 9 s` for seconds 3, 4, 5 and 9; the first few of them.
fn ranges(seconds: &[usize]) -> String {
    const SHOWN: usize = 8;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for &second in seconds {
        match ranges.last_mut() {
            Some(last) if last.end == second => last.end += 1,
            _ => ranges.push(second..second + 1),
        }
    }
    let more = if ranges.len() > SHOWN { ", ..." } else { "" };
    let shown = ranges.iter().take(SHOWN).map(|range| match range.len() {
        1 => format!("{} s", range.start),
        _ => format!("{}-{} s", range.start, range.end - 1),
    });
    shown.collect::<Vec<_>>().join(", ") + more
}

#[cfg(test)]
mod tests;
