//! What the service promises: up to which rate, how fast, how often.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    formats,
    units::{Availability, Duration, Quantile},
};

/// The promise that capacity is bought for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Objectives {
    /// Requests per second up to which the promise holds. Where maxReplicas is left out, it follows from this.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub qps: i64,

    /// Latency objectives, one to four. The first is the one shown by kubectl get.
    #[schemars(length(min = 1, max = 4))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub latency: Vec<LatencyObjective>,

    /// Percent of the requests that must be good (answered successfully and in time) over windowDays, as text.
    #[serde(default)]
    pub availability: Availability,

    /// Days over which the error budget is counted.
    #[serde(default = "window_days")]
    #[schemars(range(min = 1, max = 90))]
    pub window_days: u32,
}

/// One latency objective: this share of the requests is answered within this time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatencyObjective {
    /// Name of the objective in status, metrics and statistics, for example p99.
    #[schemars(length(min = 1, max = 32), regex(pattern = formats::LABEL.pattern))]
    pub name: String,

    /// Share of the requests that must be within the threshold, as text, for example "0.99".
    pub quantile: Quantile,

    /// Longest latency within the objective, measured at the server; 1ms to 60s.
    pub threshold: Duration,
}

fn window_days() -> u32 {
    28
}
