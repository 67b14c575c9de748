//! Outcomes of requests, and their counts.

use crate::report::{Counts, Failed, Latency};
use hdrhistogram::{Counter, CreationError, Histogram};
use std::time::Duration;

/// Why a request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made.
    Refused,
    /// The connection ended before the first byte of the answer.
    Reset,
    /// No complete answer in time.
    Timeout,
    /// The connection ended within the answer.
    Truncated,
    /// The answer was not HTTP/1 or over the limits.
    Malformed,
    /// No descriptor or local port was left.
    Local,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered with this status, this long after the intended send time.
    Answered {
        /// 200 to 599.
        status: u16,
        /// Intended send time to last byte read.
        latency: Duration,
    },
    /// Not answered.
    Failed(Failure),
    /// Not known: the run was interrupted.
    Abandoned,
}

/// What the outcome means by the definitions of good and bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    Good,
    Late,
    Failed,
    /// Counts neither way: 4xx, abandoned.
    Neither,
}

impl Outcome {
    /// `limit`: the longest latency of a good answer, if there is one.
    pub(super) fn judge(self, limit: Option<Duration>) -> Judgement {
        match self {
            Self::Answered { status: 200..400, latency } if limit.is_none_or(|limit| latency <= limit) => {
                Judgement::Good
            }
            Self::Answered { status: 200..400, .. } => Judgement::Late,
            Self::Answered { status: 500.., .. } | Self::Failed(_) => Judgement::Failed,
            Self::Answered { .. } | Self::Abandoned => Judgement::Neither,
        }
    }

    pub(super) fn is_rejection(self) -> bool {
        matches!(self, Self::Answered { status: 429 | 503, .. })
    }

    /// The latency, if the answer was a success.
    pub(super) fn success(self) -> Option<Duration> {
        match self {
            Self::Answered { status: 200..400, latency } => Some(latency),
            _ => None,
        }
    }
}

/// Adds an outcome to counts whose `intended` and `sent` are kept elsewhere.
pub(super) fn count(counts: &mut Counts, outcome: Outcome, judgement: Judgement) {
    match judgement {
        Judgement::Good => counts.good += 1,
        Judgement::Late => counts.late += 1,
        Judgement::Failed => counts.failed.total += 1,
        Judgement::Neither => {}
    }
    counts.rejected += u64::from(outcome.is_rejection());
    match outcome {
        Outcome::Answered { status, .. } => count_status(counts, status),
        Outcome::Failed(failure) => *cause(&mut counts.failed, failure) += 1,
        Outcome::Abandoned => counts.abandoned += 1,
    }
}

fn count_status(counts: &mut Counts, status: u16) {
    counts.answered += 1;
    match status {
        ..300 => counts.status.success += 1,
        300..400 => counts.status.redirection += 1,
        400..500 => counts.status.client_error += 1,
        500.. => {
            counts.status.server_error += 1;
            counts.failed.status5xx += 1;
        }
    }
}

fn cause(failed: &mut Failed, failure: Failure) -> &mut u64 {
    match failure {
        Failure::Refused => &mut failed.refused,
        Failure::Reset => &mut failed.reset,
        Failure::Timeout => &mut failed.timeout,
        Failure::Truncated => &mut failed.truncated,
        Failure::Malformed => &mut failed.malformed,
        Failure::Local => &mut failed.local,
    }
}

/// A histogram of microseconds with three digits that matter, for durations up to `longest`.
pub(super) fn histogram<T: Counter>(longest: Duration) -> Result<Histogram<T>, CreationError> {
    Histogram::new_with_bounds(1, (longest.as_micros() as u64).max(2), 3)
}

pub(super) fn record<T: Counter>(histogram: &mut Histogram<T>, duration: Duration) {
    histogram.saturating_record(duration.as_micros() as u64);
}

pub(super) fn seconds_at<T: Counter>(histogram: &Histogram<T>, quantile: f64) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile) as f64 / 1e6)
}

pub(super) fn latency(histogram: &Histogram<u64>) -> Latency {
    Latency {
        p50_seconds: seconds_at(histogram, 0.5),
        p90_seconds: seconds_at(histogram, 0.9),
        p99_seconds: seconds_at(histogram, 0.99),
        p999_seconds: seconds_at(histogram, 0.999),
        max_seconds: seconds_at(histogram, 1.0),
    }
}
