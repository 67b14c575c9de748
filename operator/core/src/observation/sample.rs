//! What one pod's server had counted when it was asked.

use serde::{Deserialize, Serialize};

use crate::policy::Policy;

/// Cumulative counters of one server process; differences between two samples of the same boot are what counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Identifies the process: another value means that counting began again at zero.
    pub boot: u64,
    /// The process's own monotonic clock, in nanoseconds. Only compared for equality, never used as a time.
    pub at_nanos: u64,
    /// Requests whose head was read, each counted once.
    pub arrivals: f64,
    /// Of the arrivals, those marked as retries.
    pub retries: f64,
    /// Of the arrivals, those turned away for a reason that must not buy pods: one client over its limit, malformed,
    /// expired, breaker.
    pub excluded: f64,
    /// Of the arrivals, those turned away for overload.
    pub rejected_overload: f64,
    /// Successful answers within and beyond each latency objective, in the policy's order.
    pub objectives: [Answered; Policy::MAX_OBJECTIVES],
    /// Answers to admitted requests, of any status; zero when unknown.
    pub answers: f64,
    /// Answers with status 5xx.
    pub server_errors: f64,
    /// Requests in progress now.
    pub in_flight: f64,
    /// Requests waiting now.
    pub queued: f64,
    /// Worker-seconds the workers were occupied.
    pub busy_seconds: f64,
    /// CPU seconds of the process.
    pub cpu_seconds: f64,
    /// Time in the handler: number, sum and sum of squares.
    pub service: ServiceTime,
}

impl Sample {
    /// The largest value of any counter that is believed.
    const MAX: f64 = 1e15;

    /// Whether every counter is a number that a server could have counted.
    pub fn is_plausible(&self) -> bool {
        let Self { boot: _, at_nanos: _, arrivals, retries, excluded, rejected_overload, objectives, .. } =
            self;
        let Self { answers, server_errors, in_flight, queued, busy_seconds, .. } = self;
        let Self { cpu_seconds, service, .. } = self;
        let plausible = |value: &f64| (0.0..=Self::MAX).contains(value);
        let counters = [
            arrivals,
            retries,
            excluded,
            answers,
            rejected_overload,
            server_errors,
            in_flight,
            queued,
            busy_seconds,
            cpu_seconds,
            &service.count,
            &service.sum,
            &service.sum_of_squares,
        ];
        counters.into_iter().all(plausible)
            && objectives
                .iter()
                .all(|o| plausible(&o.good) && plausible(&o.late) && plausible(&o.service_beyond))
    }
}

/// Successful answers within and beyond one latency objective.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// Within the threshold.
    pub good: f64,
    /// Beyond it.
    pub late: f64,
    /// Requests, late or not, whose time in the handler alone was beyond the threshold; zero when unknown.
    pub service_beyond: f64,
}

/// Sums over the time requests spent in their handler.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceTime {
    /// Number of requests.
    pub count: f64,
    /// Sum of their times, in seconds.
    pub sum: f64,
    /// Sum of their squared times, in seconds squared.
    pub sum_of_squares: f64,
}
