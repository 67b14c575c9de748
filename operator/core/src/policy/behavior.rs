//! How fast the size may change: `behavior` of the `HorizontalPodAutoscaler` v2, with other defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::PolicyError;

/// Limits on changes of the size.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Behavior {
    /// Growth. Default: at once and without limit.
    pub scale_up: ScalingRules,
    /// Shrinking.
    pub scale_down: ScalingRules,
}

/// Limits in one direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScalingRules {
    /// The most cautious recommendation of this window counts; at most one hour.
    pub stabilization_window: Duration,
    /// Which of several limits applies.
    pub select: SelectPolicy,
    /// Limits per period; none: unlimited.
    pub limits: Vec<Limit>,
    /// Relative change that is not worth acting on, from 0 (act on any) to 1.
    pub tolerance: f64,
}

/// Which of several limits applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectPolicy {
    /// The one that allows the largest change.
    #[default]
    Max,
    /// The one that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// At most so much change within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Unit of `value`.
    pub kind: LimitKind,
    /// How much; 1 or more.
    pub value: u32,
    /// From one second to half an hour.
    pub period: Duration,
}

/// Unit of a [`Limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitKind {
    /// Number of pods.
    Pods,
    /// Percent of the size at the beginning of the period.
    Percent,
}

impl Behavior {
    /// Longest stabilisation window.
    pub const MAX_WINDOW: Duration = Duration::from_secs(3600);
    /// Longest period of a limit.
    pub const MAX_PERIOD: Duration = Duration::from_secs(1800);

    pub(super) fn check(&self) -> Result<(), PolicyError> {
        for rules in [&self.scale_up, &self.scale_down] {
            let range = |ok: bool, field, allowed| {
                if ok { Ok(()) } else { Err(PolicyError::OutOfRange { field, allowed }) }
            };
            let window = rules.stabilization_window <= Self::MAX_WINDOW;
            range(window, "behavior.*.stabilizationWindowSeconds", "from 0 to 3600")?;
            range((0.0..=1.0).contains(&rules.tolerance), "behavior.*.tolerance", "from 0 to 1")?;
            for limit in &rules.limits {
                range(limit.value >= 1, "behavior.*.policies[].value", "1 or more")?;
                let period = limit.period >= Duration::from_secs(1) && limit.period <= Self::MAX_PERIOD;
                range(period, "behavior.*.policies[].periodSeconds", "from 1 to 1800")?;
            }
        }
        Ok(())
    }
}
