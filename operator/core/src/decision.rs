//! The decision as a value: the size, every number that led to it, and a reason for each step.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::units::{MilliCpu, Rate, Replicas, Share};

/// What size a service should have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// When it was made.
    pub now: Timestamp,
    /// The size to write.
    pub target_replicas: Replicas,
    /// Workers each pod should run; `None` leaves them alone.
    pub workers: Option<u32>,
    /// CPU each pod should have; `None` leaves it alone.
    pub cpu_millis: Option<MilliCpu>,
    /// Why, in the order in which the steps were taken.
    pub reasons: Vec<Reason>,
    /// The numbers that led to it.
    pub numbers: Numbers,
    /// Look again after so many seconds.
    pub look_again_seconds: f64,
    /// Which pods to ask then.
    #[serde(default)]
    pub ask: Ask,
}

/// Which pods to ask at the next look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// All of them: something moves, or there are few.
    #[default]
    EveryPod,
    /// A part that changes from look to look, so that each pod is asked every five seconds: the service is calm.
    Sample,
}

/// One step that changed or confirmed the size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What kind of step.
    pub code: ReasonCode,
    /// Size before the step.
    pub from: Replicas,
    /// Size after it.
    pub to: Replicas,
    /// The step in words, with its numbers.
    pub message: String,
}

/// Every kind of step. The text of a code is part of the wire format: status, events and metrics carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReasonCode {
    /// The size that carries demand at the learned or assumed capacity.
    Demand,
    /// The rate stepped up, and the fast window was restarted at the change.
    StepDetected,
    /// Demand rises, and is planned as it will be when a new pod is ready.
    Trend,
    /// The reserve asks for more than demand does.
    Reserve,
    /// The workers are saturated: the rate seen is only a lower bound of the rate offered.
    Saturated,
    /// Nothing is known about capacity yet, so the size stays.
    CapacityUnknown,
    /// Nothing is known about capacity yet, and all pods are idle: `minReplicas` are enough.
    Idle,
    /// No pod told its load: the size stays, unless the reserve needs more.
    EvidenceAbsent,
    /// Too few pods answered: the size does not shrink.
    EvidencePartial,
    /// Shrinking would leave too little *ready* capacity.
    NotEnoughReady,
    /// The error budget is being burned: the size does not shrink.
    BudgetLow,
    /// Some pod is over its capacity: the size does not shrink.
    HotPods,
    /// The list of pods may be old: the size does not shrink.
    EvidenceStale,
    /// Only a sample of the pods was asked: all are asked before the size shrinks.
    Sampled,
    /// Shrinking is frozen for all services.
    Frozen,
    /// Somebody else set the size: it counts as recommended for one stabilisation window.
    ScaledByOther,
    /// Pods can't start, or don't become ready: no more than demand needs is asked for, or the size does not grow.
    ScaleUpBlocked,
    /// A jump seen only once may grow the size only so far.
    Unconfirmed,
    /// `behavior.scaleUp` limits the growth.
    ScaleUpLimit,
    /// `behavior.scaleDown` limits the shrinking.
    ScaleDownLimit,
    /// A smaller recommendation within the scale-up window holds the growth back.
    ScaleUpStabilized,
    /// A larger recommendation within the scale-down window holds the shrinking back.
    ScaleDownStabilized,
    /// Within the tolerance of `behavior`.
    WithinTolerance,
    /// More than `maxReplicas` would be needed.
    TooManyReplicas,
    /// The size was set above `maxReplicas`, and no need is behind it.
    AboveMaximum,
    /// Fewer than `minReplicas` would do.
    TooFewReplicas,
}

/// Every number that led to a decision.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Numbers {
    /// Size asked of the target when the service was seen.
    pub replicas: Replicas,
    /// Arrivals per second over the fast window, extrapolated over pods that did not answer.
    pub offered_rate: Rate,
    /// What buys pods: the largest of load, reserve, and what saturated workers hide.
    pub demand: Rate,
    /// The larger mean, noise guard and trend together.
    pub load: Rate,
    /// The load that the last two looks agree on; growth beyond it is limited.
    pub confirmed_load: Rate,
    /// Mean over the fast window (5 s, or since the last step).
    pub fast_rate: Rate,
    /// Mean over the slow window (15 s).
    pub slow_rate: Rate,
    /// Part of demand that covers noise.
    pub noise_guard: Rate,
    /// Rise expected until a new pod is ready.
    pub trend_rise: Rate,
    /// Reserve floor.
    pub reserve: Rate,
    /// What one pod carries within the objective, as used.
    pub capacity_per_pod: Rate,
    /// 0: assumed; 1: learned with certainty.
    pub capacity_confidence: Share,
    /// Utilisation of the workers at which the capacity lies.
    pub knee_utilization: Share,
    /// Utilisation of the workers now, over the pods that answered.
    pub utilization: Share,
    /// Bad answers since the last look, relative to what the strictest latency objective allows: above 1 it is missed.
    pub bad_over_allowed: f64,
    /// Pods that serve.
    pub ready_pods: Replicas,
    /// Pods on their way that still count as coming.
    pub starting_pods: Replicas,
    /// Pods so late that they don't count as coming.
    pub overdue_pods: Replicas,
    /// Pods that can't start or be created, as the cluster says; the late ones among them are overdue too.
    #[serde(default)]
    pub blocked_pods: Replicas,
    /// The size that somebody else set within the last stabilisation window.
    #[serde(default)]
    pub set_by_other: Option<Replicas>,
    /// Share of the pods that may carry load which answered.
    pub fresh_share: Share,
    /// From the size being written to a pod being ready, in seconds: 90th percentile, within 5 to 300.
    pub time_to_ready_seconds: f64,
    /// Size that demand needs, before any guard.
    pub needed_replicas: Replicas,
    /// Ready capacity minus demand, in requests per second; negative when there is too little.
    pub headroom: f64,
    /// Upper bound in force: `maxReplicas`, or what `objectives.qps` needs.
    pub max_replicas: Replicas,
    /// Latency at each objective's quantile, in seconds, in the policy's order; `None` where it is not known.
    #[serde(default)]
    pub latency_seconds: [Option<f64>; Policy::MAX_OBJECTIVES],
    /// Error budget of each latency objective.
    #[serde(default)]
    pub budgets: [Option<Budget>; Policy::MAX_OBJECTIVES],
    /// Error budget of the availability objective.
    #[serde(default)]
    pub availability_budget: Option<Budget>,
}

/// How much of an error budget is left, and how fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Share of the budget of the window that is left: 1 nothing spent, 0 all, negative when overspent.
    pub remaining: f64,
    /// Bad answers of the last hour relative to what the objective allows of as many: at 1 the budget lasts exactly
    /// its window. `None` without traffic in that hour.
    pub burn_rate: Option<f64>,
}
