//! How fast the size may change: the words and the arithmetic of the HorizontalPodAutoscaler (autoscaling/v2)
//! with other defaults: growth is immediate and unlimited, shrinking waits three minutes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Tolerance;

/// Limits on changes of the size, apart for growing and shrinking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Behavior {
    /// Limits on growing. Default: none.
    #[serde(default)]
    pub scale_up: ScaleUp,

    /// Limits on shrinking. Default: the highest size wanted within the last 180 s, then at once.
    #[serde(default)]
    pub scale_down: ScaleDown,
}

/// Limits on growing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleUp {
    /// Seconds over which the lowest size wanted is taken; 0 grows at once.
    #[serde(default)]
    #[schemars(range(max = 3600))]
    pub stabilization_window_seconds: u32,

    /// Which of several policies holds: Max takes the one that allows most, Min the one that allows least,
    /// Disabled never grows.
    #[serde(default)]
    pub select_policy: SelectPolicy,

    /// Limits within a period; none means unlimited.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub policies: Vec<ScalingPolicy>,

    /// Share by which demand must exceed the capacity before the size grows, as text. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
}

/// Limits on shrinking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleDown {
    /// Seconds over which the highest size wanted is kept.
    #[serde(default = "scale_down_window")]
    #[schemars(range(max = 3600))]
    pub stabilization_window_seconds: u32,

    /// Which of several policies holds: Max takes the one that allows most, Min the one that allows least,
    /// Disabled never shrinks.
    #[serde(default)]
    pub select_policy: SelectPolicy,

    /// Limits within a period; an empty list means unlimited.
    #[serde(default = "scale_down_policies")]
    #[schemars(length(max = 10))]
    pub policies: Vec<ScalingPolicy>,

    /// Share by which demand must fall below the capacity before the size shrinks, as text. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
}

/// One limit: so many pods, or percent of the pods, within a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingPolicy {
    /// What value counts.
    #[serde(rename = "type")]
    pub kind: PolicyType,

    /// Pods, or percent of the pods at the start of the period.
    #[schemars(range(min = 1, max = 100_000))]
    pub value: u32,

    /// Length of the period in seconds.
    #[schemars(range(min = 1, max = 1800))]
    pub period_seconds: u32,
}

/// Which of several policies holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum SelectPolicy {
    /// The policy that allows the largest change.
    #[default]
    Max,
    /// The policy that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// What the value of a policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum PolicyType {
    /// Pods.
    Pods,
    /// Percent of the pods at the start of the period.
    Percent,
}

impl Default for ScaleDown {
    fn default() -> Self {
        Self {
            stabilization_window_seconds: scale_down_window(),
            select_policy: SelectPolicy::default(),
            policies: scale_down_policies(),
            tolerance: None,
        }
    }
}

fn scale_down_window() -> u32 {
    180
}

fn scale_down_policies() -> Vec<ScalingPolicy> {
    vec![ScalingPolicy { kind: PolicyType::Percent, value: 100, period_seconds: 15 }]
}
