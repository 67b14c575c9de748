//! What the user asked for, parsed: a [`Policy`] can't hold values that contradict each other.

mod behavior;

pub use behavior::{Behavior, Limit, LimitKind, ScalingRules, SelectPolicy};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Rate, Replicas, Share};

/// A service's objectives and limits as plain values, not yet checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicySpec {
    /// The promise holds up to this offered rate, in requests per second.
    pub qps: f64,
    /// One to [`Policy::MAX_OBJECTIVES`].
    pub latency: Vec<LatencyObjective>,
    /// Share of good answers promised, e.g. 0.9995.
    pub availability: f64,
    /// Days over which the error budget is counted; 1 to 90.
    pub window_days: u32,
    /// Rate for which capacity is kept ready at all times, in requests per second.
    pub reserve_qps: f64,
    /// Never fewer pods; 1 or more.
    pub min_replicas: u32,
    /// Never more pods; `None`: what `qps` needs.
    pub max_replicas: Option<u32>,
    /// How fast the size may change.
    pub behavior: Behavior,
    /// What the user believes one pod carries, in requests per second.
    pub prior_qps_per_pod: Option<f64>,
    /// Workers each pod should run; `None` leaves them to the server.
    pub workers: Option<u32>,
}

/// One latency objective: the share `quantile` of the answers arrives within `threshold`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyObjective {
    /// Unique name.
    pub name: String,
    /// Between 0 and 1, exclusive.
    pub quantile: f64,
    /// Longer than zero.
    pub threshold: Duration,
}

/// Checked objectives and limits; made by [`Policy::new`] only.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    qps: Rate,
    latency: Vec<LatencyObjective>,
    availability: Share,
    window_days: u32,
    reserve: Rate,
    min_replicas: Replicas,
    max_replicas: Option<Replicas>,
    behavior: Behavior,
    prior: Option<Rate>,
    workers: Option<u32>,
}

/// Why a [`PolicySpec`] is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A number is outside its range.
    #[error("{field} must be {allowed}")]
    OutOfRange {
        /// Path of the field.
        field: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
    /// Two fields contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
}

impl Policy {
    /// Most latency objectives of one service.
    pub const MAX_OBJECTIVES: usize = 4;

    /// Checks `spec`.
    ///
    /// # Errors
    /// A value outside its range, or two that contradict each other.
    pub fn new(spec: PolicySpec) -> Result<Self, PolicyError> {
        let range = |ok: bool, field, allowed| {
            if ok { Ok(()) } else { Err(PolicyError::OutOfRange { field, allowed }) }
        };
        let rate = |value: f64| value > 0.0 && value <= Rate::MAX.get();
        range(rate(spec.qps), "objectives.qps", "a rate above 0")?;
        let objectives = (1..=Self::MAX_OBJECTIVES).contains(&spec.latency.len());
        range(objectives, "objectives.latency", "a list of 1 to 4 objectives")?;
        for objective in &spec.latency {
            let quantile = objective.quantile > 0.0 && objective.quantile < 1.0;
            range(quantile, "objectives.latency[].quantile", "between 0 and 1, exclusive")?;
            range(!objective.threshold.is_zero(), "objectives.latency[].threshold", "longer than zero")?;
        }
        let availability = spec.availability > 0.0 && spec.availability < 1.0;
        range(availability, "objectives.availability", "between 0 and 100 percent, exclusive")?;
        range((1..=90).contains(&spec.window_days), "objectives.windowDays", "from 1 to 90")?;
        range(spec.reserve_qps == 0.0 || rate(spec.reserve_qps), "reserve.qps", "a rate of 0 or more")?;
        range(spec.min_replicas >= 1, "minReplicas", "1 or more")?;
        let prior = spec.prior_qps_per_pod;
        range(prior.is_none_or(rate), "capacity.prior.qpsPerPod", "a rate above 0")?;
        if spec.reserve_qps > spec.qps {
            return Err(PolicyError::Contradiction("reserve.qps must not be above objectives.qps"));
        }
        if spec.max_replicas.is_some_and(|max| max < spec.min_replicas) {
            return Err(PolicyError::Contradiction("maxReplicas must not be below minReplicas"));
        }
        spec.behavior.check()?;
        Ok(Self {
            qps: Rate::new(spec.qps),
            latency: spec.latency,
            availability: Share::new(spec.availability),
            window_days: spec.window_days,
            reserve: Rate::new(spec.reserve_qps),
            min_replicas: Replicas(spec.min_replicas),
            max_replicas: spec.max_replicas.map(Replicas),
            behavior: spec.behavior,
            prior: prior.map(Rate::new),
            workers: spec.workers,
        })
    }

    /// The promise holds up to this offered rate.
    pub fn qps(&self) -> Rate {
        self.qps
    }

    /// The latency objectives; at least one.
    pub fn latency(&self) -> &[LatencyObjective] {
        &self.latency
    }

    /// The smallest share of late answers that some latency objective allows.
    pub(crate) fn least_allowed(&self) -> f64 {
        self.latency.iter().map(|objective| 1.0 - objective.quantile).fold(1.0, f64::min)
    }

    /// Share of good answers promised.
    pub fn availability(&self) -> Share {
        self.availability
    }

    /// Days over which the error budget is counted.
    pub fn window_days(&self) -> u32 {
        self.window_days
    }

    /// Rate for which capacity is kept ready at all times.
    pub fn reserve(&self) -> Rate {
        self.reserve
    }

    /// Lower bound of the size.
    pub fn min_replicas(&self) -> Replicas {
        self.min_replicas
    }

    /// Upper bound of the size, where the user set one.
    pub fn max_replicas(&self) -> Option<Replicas> {
        self.max_replicas
    }

    /// How fast the size may change.
    pub fn behavior(&self) -> &Behavior {
        &self.behavior
    }

    /// What the user believes one pod carries.
    pub fn prior(&self) -> Option<Rate> {
        self.prior
    }

    /// Workers each pod should run; `None` leaves them to the server.
    pub fn workers(&self) -> Option<u32> {
        self.workers
    }
}
