//! The status of a `ScaledService`: small, rounded, and without floating point.
//!
//! Columns of `kubectl get` are ready texts in `display`, because a column cannot join fields.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Duration;

/// The most size changes kept in the status.
pub const MOST_DECISIONS: usize = 10;

/// What Headroom sees of the service and last did about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaledServiceStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Pods the target is asked to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,

    /// How each latency objective stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub objectives: Vec<ObjectiveStatus>,

    /// Requests per second that arrive, rounded to two digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_rate: Option<i64>,

    /// Requests per second that one pod holds within the objectives, rounded to two digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_per_pod: Option<i64>,

    /// Time from writing a size to the pod being ready, as learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_ready: Option<Duration>,

    /// When the size last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<Time>,

    /// The last size changes, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_DECISIONS))]
    pub decisions: Vec<SizeChange>,

    /// Ready texts for the columns of kubectl get.
    #[serde(default)]
    pub display: Display,

    /// Conditions, one of each type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// How one latency objective stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectiveStatus {
    /// Name of the objective.
    #[schemars(length(max = 32))]
    pub name: String,

    /// Latency at the objective's quantile now. Absent without traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Duration>,

    /// Percent of the error budget that is left in the window; below 0 when overspent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_remaining_percent: Option<i32>,

    /// How many times faster than allowed the budget is being spent, as text, for example "1.4".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub burn_rate: Option<String>,
}

/// One change of the size, with the numbers that led to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SizeChange {
    /// When it was written.
    pub at: Time,

    /// Pods before.
    pub from: i32,

    /// Pods after.
    pub to: i32,

    /// The reason that decided.
    #[schemars(length(max = 64))]
    pub reason: String,

    /// The reason in words and numbers.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub message: String,

    /// Requests per second that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_rate: Option<i64>,

    /// Requests per second that one pod was taken to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_per_pod: Option<i64>,
}

/// Ready texts for the columns of kubectl get; empty when not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Display {
    /// Requests per second that arrive, for example 4.2k.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub offered: String,

    /// Requests per second that the ready pods hold, for example 5k.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub capacity: String,

    /// The first latency objective, now and allowed: 43ms/50ms, with the name in front where it is not p99.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub latency: String,

    /// Pods now, wanted and at most: 7->9/60.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub replicas: String,

    /// Reason of the most important condition.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub reason: String,

    /// Kind and name of what is scaled, for example Deployment/orders.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 320))]
    pub target: String,

    /// Requests per second that one pod holds, for example 210.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub per_pod: String,

    /// Error budget that is left, for example 87%, or `exhausted`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub budget: String,

    /// CPU of one pod, for example 500m.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub cpu: String,

    /// Worker threads of one pod, for example 4.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub workers: String,

    /// Time to ready, for example 31s.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 32))]
    pub lead: String,
}
