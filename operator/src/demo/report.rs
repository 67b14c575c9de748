//! `report.json`: the figures of a run for programs.

use headroom_core::Reason;
use headroom_load::report::Summary;
use jiff::Timestamp;
use serde::Serialize;

use super::recording::{Change, Recording};
use super::verdict::{Judgement, Verdict};

/// The version of the format written here.
const REPORT_VERSION: u32 = 1;

/// The figures of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    version: u32,
    verdict: Verdict,
    /// Why it was missed.
    why: Vec<String>,
    goodput: f64,
    /// All seconds with more than 1 % bad requests, judged or not.
    bad_seconds: usize,
    seconds: usize,
    judged_seconds: usize,
    judged_bad_seconds: usize,
    p99_seconds: Option<f64>,
    pod_hours: f64,
    optimum_pod_hours: f64,
    efficiency: f64,
    min_replicas: u32,
    max_replicas: Option<u32>,
    peak_replicas: u32,
    scale_outs: usize,
    scale_ins: usize,
    intended: u64,
    failed: u64,
    decisions: Vec<Decided>,
}

/// One change of the size.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decided {
    at: Timestamp,
    at_seconds: f64,
    from: u32,
    to: u32,
    reasons: Vec<Reason>,
}

impl Report {
    /// Of a judged run of a service with these bounds of its size.
    pub fn new(
        recording: &Recording,
        judged: &Judgement,
        load: &Summary,
        (min_replicas, max_replicas): (u32, Option<u32>),
    ) -> Self {
        Self {
            version: REPORT_VERSION,
            verdict: judged.verdict,
            why: judged.why.clone(),
            goodput: load.goodput,
            bad_seconds: judged.bad.len(),
            seconds: recording.seconds.len(),
            judged_seconds: judged.judged,
            judged_bad_seconds: judged.judged_bad,
            p99_seconds: load.latency.p99_seconds,
            pod_hours: recording.pod_seconds() / 3600.0,
            optimum_pod_hours: judged.optimum.pod_hours(),
            efficiency: judged.efficiency,
            min_replicas,
            max_replicas,
            peak_replicas: recording.total().iter().map(|(_, pods)| *pods as u32).max().unwrap_or(0),
            scale_outs: recording.changes.iter().filter(|change| change.to > change.from).count(),
            scale_ins: recording.scale_ins(),
            intended: load.counts.intended,
            failed: load.counts.failed.total,
            decisions: recording.changes.iter().map(Decided::new).collect(),
        }
    }
}

impl Decided {
    fn new(change: &Change) -> Self {
        Self {
            at: change.decision.now,
            at_seconds: change.at,
            from: change.from,
            to: change.to,
            reasons: change.decision.reasons.clone(),
        }
    }
}
