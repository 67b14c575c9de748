//! The summary of a run, as written by `--json`.

use serde::{Deserialize, Serialize};

/// A whole run. Requests of the warm-up are not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Version of this format: [`super::SUMMARY_VERSION`].
    pub version: u32,
    /// What to make of it.
    pub verdict: Verdict,
    /// When second 0 of the schedule began, after the warm-up: seconds since 1970 by the generator's wall clock.
    #[serde(default)]
    pub started_at_unix_seconds: f64,
    /// Whether the run was ended before its time.
    pub interrupted: bool,
    /// Each objective given, in the order given.
    pub objectives: Vec<ObjectiveResult>,
    /// Length of the schedule in seconds, rounded up; of the part that was played if interrupted.
    pub seconds: u64,
    /// Of those, seconds in which more than 1 % of the requests intended in them were bad.
    pub bad_seconds: u64,
    /// What became of the requests.
    #[serde(flatten)]
    pub counts: Counts,
    /// Good requests over intended ones, 0 to 1; 1 when none was intended.
    pub goodput: f64,
    /// Complete answers of any status over the length of the schedule.
    pub requests_per_second: f64,
    /// Latency of successful answers (2xx and 3xx).
    #[serde(flatten)]
    pub latency: Latency,
    /// How well the generator kept its own schedule.
    pub schedule: ScheduleKept,
    /// CPU time of the generator's process per request sent, in microseconds.
    pub cpu_micros_per_request: f64,
    /// Connections opened over the whole run, warm-up included.
    pub connections_opened: u64,
    /// The same for each target, in the order given.
    pub per_target: Vec<TargetSummary>,
    /// The seed of the send times.
    pub seed: u64,
}

/// The outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every objective was held, or none was given.
    Held,
    /// At least one objective was not held.
    Missed,
    /// The generator itself was the bottleneck: its figures say nothing of the server.
    Invalid,
}

/// How an objective fared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectiveResult {
    /// Its name, such as `p99`.
    pub name: String,
    /// The share of requests that has to be fast enough, 0 to 1.
    pub quantile: f64,
    /// How fast that is, in seconds.
    pub threshold_seconds: f64,
    /// The quantile as measured, failures counted as infinitely late: absent if it lies among them.
    pub measured_seconds: Option<f64>,
    /// Percent of the intended requests that were over the threshold or failed.
    pub bad_percent: f64,
    /// Whether that is at most `100 * (1 - quantile)`.
    pub held: bool,
}

/// Numbers of requests. `intended = good + late + failed.total + abandoned + answers with 4xx`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests of the schedule.
    pub intended: u64,
    /// Of those, requests of which at least a byte was written.
    pub sent: u64,
    /// Complete answers of any status, in time.
    pub answered: u64,
    /// Answered with 2xx or 3xx within the objective (or at all, without an objective).
    pub good: u64,
    /// Answered with 2xx or 3xx, over the objective.
    pub late: u64,
    /// Answers with 429 or 503. The latter are in `failed` too.
    pub rejected: u64,
    /// Still unanswered, and not yet timed out, when the run was interrupted.
    pub abandoned: u64,
    /// Requests that failed, by cause.
    pub failed: Failed,
    /// Complete answers by class of status.
    pub status: StatusClasses,
}

impl Counts {
    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            intended: self.intended + other.intended,
            sent: self.sent + other.sent,
            answered: self.answered + other.answered,
            good: self.good + other.good,
            late: self.late + other.late,
            rejected: self.rejected + other.rejected,
            abandoned: self.abandoned + other.abandoned,
            failed: self.failed.plus(&other.failed),
            status: self.status.plus(&other.status),
        }
    }
}

/// Failed requests by cause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// No connection could be made.
    pub refused: u64,
    /// The connection ended before the first byte of the answer.
    pub reset: u64,
    /// No complete answer within the timeout, counted from the intended time.
    pub timeout: u64,
    /// Answered with 5xx.
    pub status5xx: u64,
    /// The connection ended within the answer.
    pub truncated: u64,
    /// The answer was not HTTP/1 or over the limits.
    pub malformed: u64,
    /// The generator ran out of descriptors or local ports: its own fault.
    pub local: u64,
    /// All of these.
    pub total: u64,
}

impl Failed {
    fn plus(&self, other: &Self) -> Self {
        Self {
            refused: self.refused + other.refused,
            reset: self.reset + other.reset,
            timeout: self.timeout + other.timeout,
            status5xx: self.status5xx + other.status5xx,
            truncated: self.truncated + other.truncated,
            malformed: self.malformed + other.malformed,
            local: self.local + other.local,
            total: self.total + other.total,
        }
    }
}

/// Complete answers by class of status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusClasses {
    /// 200 to 299.
    #[serde(rename = "2xx")]
    pub success: u64,
    /// 300 to 399.
    #[serde(rename = "3xx")]
    pub redirection: u64,
    /// 400 to 499.
    #[serde(rename = "4xx")]
    pub client_error: u64,
    /// 500 to 599.
    #[serde(rename = "5xx")]
    pub server_error: u64,
}

impl StatusClasses {
    fn plus(&self, other: &Self) -> Self {
        Self {
            success: self.success + other.success,
            redirection: self.redirection + other.redirection,
            client_error: self.client_error + other.client_error,
            server_error: self.server_error + other.server_error,
        }
    }
}

/// Latency from the intended send time to the last byte read, of successful answers, in seconds; absent when there
/// was none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Median.
    pub p50_seconds: Option<f64>,
    /// 90th percentile.
    pub p90_seconds: Option<f64>,
    /// 99th percentile.
    pub p99_seconds: Option<f64>,
    /// 99.9th percentile.
    pub p999_seconds: Option<f64>,
    /// Longest.
    pub max_seconds: Option<f64>,
}

/// How far the generator fell behind its own schedule, by its own doing: waiting for a free connection or for an answer
/// is not in it, being too busy or asleep when a request was due is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleKept {
    /// 99 % of the requests were started this many seconds late or less.
    pub p99_behind_seconds: f64,
    /// The latest start, in seconds.
    pub max_behind_seconds: f64,
    /// Percent of the requests that started more than 10 ms late or failed for want of local ports or descriptors.
    /// Above 1 the run is invalid.
    pub behind_share_percent: f64,
}

/// The part of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetSummary {
    /// The URL.
    pub target: String,
    /// What became of its requests.
    #[serde(flatten)]
    pub counts: Counts,
    /// Latency of its successful answers.
    #[serde(flatten)]
    pub latency: Latency,
    /// Connections opened over the whole run.
    pub connections_opened: u64,
}
