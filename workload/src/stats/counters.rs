//! Cumulative counters of [`Stats`](super::Stats), and how leniently they are read.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};

/// Arrivals turned away, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rejected {
    /// The bounded queue was full: overload.
    #[serde(deserialize_with = "count")]
    pub queue_full: u64,
    /// It would have waited longer than the delay bound: overload.
    #[serde(deserialize_with = "count")]
    pub delay_bound: u64,
    /// The client was over its own limit.
    #[serde(deserialize_with = "count")]
    pub client_limit: u64,
    /// Left out because more important requests were waiting: overload.
    #[serde(deserialize_with = "count")]
    pub priority: u64,
    /// The client's deadline had passed.
    #[serde(deserialize_with = "count")]
    pub deadline_expired: u64,
    /// A breaker towards something the service needs was open.
    #[serde(deserialize_with = "count")]
    pub breaker: u64,
    /// The request could not be understood.
    #[serde(deserialize_with = "count")]
    pub malformed: u64,
    /// The server was stopping.
    #[serde(deserialize_with = "count")]
    pub draining: u64,
}

impl Rejected {
    /// Rejections for every reason.
    pub fn total(&self) -> u64 {
        self.overload() + self.not_demand() + self.draining
    }

    /// Rejections that more capacity would have avoided.
    pub fn overload(&self) -> u64 {
        self.queue_full + self.delay_bound + self.priority
    }

    /// Rejections that must not buy capacity: one client's flood, what nobody waits for, what can't be understood.
    pub fn not_demand(&self) -> u64 {
        self.client_limit + self.malformed + self.deadline_expired + self.breaker
    }
}

/// Answers to admitted requests by status class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Responses {
    /// 200-299.
    #[serde(rename = "2xx", deserialize_with = "count")]
    pub success: u64,
    /// 300-399.
    #[serde(rename = "3xx", deserialize_with = "count")]
    pub redirection: u64,
    /// 400-499.
    #[serde(rename = "4xx", deserialize_with = "count")]
    pub client_error: u64,
    /// 500-599.
    #[serde(rename = "5xx", deserialize_with = "count")]
    pub server_error: u64,
}

impl Responses {
    /// Answers of every status.
    pub fn total(&self) -> u64 {
        self.success + self.redirection + self.client_error + self.server_error
    }
}

/// Successful answers within and beyond one latency objective.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectiveCount {
    /// Name of the objective, as in the service's `objectives.latency[].name`.
    pub name: String,
    /// Answered within the threshold.
    #[serde(deserialize_with = "count")]
    pub good: u64,
    /// Answered successfully, beyond it.
    #[serde(deserialize_with = "count")]
    pub late: u64,
}

/// The largest count that is exact as a JSON number in every reader.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

/// Reads a counter. Fractions, as fluid models write them, are rounded down; what is no count is refused.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if (0.0..=MAX_COUNT).contains(&value) {
        Ok(value as u64)
    } else {
        Err(Error::invalid_value(Unexpected::Float(value), &"a count from 0 to 2^53"))
    }
}

/// Reads a cumulative integral of time.
pub(super) fn integral<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if (0.0..=1e15).contains(&value) {
        Ok(value)
    } else {
        Err(Error::invalid_value(Unexpected::Float(value), &"seconds from 0 to 1e15"))
    }
}
