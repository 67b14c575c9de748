//! Conditions of a `ScaledService`: types, the reasons each may carry, and (in [`merge`]) how they
//! get into a status.
//!
//! A [`Reason`] knows its type and its status, so a wrong pair cannot be written. Status, events, metrics and
//! documentation all take their words from here. Names are those of the `HorizontalPodAutoscaler` where it says
//! the same.

mod merge;

pub use merge::{NewCondition, merge, most_important};

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionType {
    /// Headroom holds the promise, or says why it cannot try.
    Ready,
    /// maxReplicas pods can hold objectives.qps.
    Feasible,
    /// The offered rate is above objectives.qps: the promise does not hold there.
    AboveTarget,
    /// The objectives are met now.
    ObjectiveMet,
    /// The pods' numbers are recent and complete.
    EvidenceFresh,
    /// The wanted size was cut by a bound or a guard.
    Limited,
    /// Pods were asked for and do not arrive.
    ScaleUpBlocked,
    /// Sizes can be read and written.
    AbleToScale,
    /// The capacity of a pod is known with confidence.
    CapacityKnown,
    /// The running pods took over the worker count.
    RuntimeApplied,
    /// The user paused sizing.
    Paused,
    /// No progress without the user (kstatus); absent otherwise.
    Stalled,
    /// A change is under way (kstatus); absent otherwise.
    Reconciling,
}

/// The value of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// It cannot be told.
    Unknown,
}

/// Why a condition has its value. Each reason belongs to one type and one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Ready: the service is sized and the promise is watched.
    Holding,
    /// Not Ready: the spec breaks a rule that only the controller can see.
    InvalidSpec,
    /// Not Ready: the object to scale does not exist or has no scale sub-resource.
    TargetNotFound,
    /// Not Ready: something else sizes the target.
    TargetOwned,
    /// Not Ready: no pod answers, so nothing is decided.
    NoEvidence,
    /// Not Ready: the API server refuses the size.
    WriteFailed,
    /// Ready unknown: the first observations are being made.
    Starting,
    /// Feasible: maxReplicas pods hold objectives.qps.
    EnoughReplicas,
    /// Not Feasible: maxReplicas pods hold less than objectives.qps.
    MaxReplicasTooLow,
    /// Feasible unknown: the capacity of a pod is not known yet.
    CapacityUnknown,
    /// `AboveTarget`: more arrives than objectives.qps.
    OfferedAboveTarget,
    /// Not `AboveTarget`: what arrives is within objectives.qps.
    OfferedWithinTarget,
    /// `AboveTarget` unknown: the offered rate is not seen.
    OfferedUnknown,
    /// `ObjectiveMet`: latency and error budget are within the objectives.
    WithinObjective,
    /// Not `ObjectiveMet`: latency is above an objective.
    LatencyAboveObjective,
    /// Not `ObjectiveMet`: the ready pods hold less than what arrives.
    CapacityBelowDemand,
    /// Not `ObjectiveMet`: the error budget of the window is spent.
    BudgetExhausted,
    /// `ObjectiveMet` unknown: nothing arrives.
    NoTraffic,
    /// `EvidenceFresh`: every pod answered recently.
    EvidenceComplete,
    /// Not `EvidenceFresh`: too few pods answered; the size may grow but not shrink.
    EvidencePartial,
    /// Not `EvidenceFresh`: no pod answered; the size stays.
    EvidenceAbsent,
    /// `EvidenceFresh` unknown: no pod runs yet.
    EvidencePending,
    /// Limited: more pods are wanted than maxReplicas.
    TooManyReplicas,
    /// Limited: fewer pods are wanted than minReplicas or the reserve.
    TooFewReplicas,
    /// Limited: behavior.scaleUp slows growth.
    ScaleUpLimit,
    /// Limited: behavior.scaleDown slows shrinking.
    ScaleDownLimit,
    /// Limited: the size does not shrink because little error budget is left.
    BudgetLow,
    /// Limited: the size does not shrink because single pods are hot.
    HotPods,
    /// Not Limited: the wanted size is the size.
    DesiredWithinRange,
    /// `ScaleUpBlocked`: pods wait for a node.
    PodsPending,
    /// `ScaleUpBlocked`: a quota refuses further pods.
    QuotaExceeded,
    /// `ScaleUpBlocked`: pods started and are far too late.
    PodsLate,
    /// Not `ScaleUpBlocked`: pods arrive when expected.
    PodsArriving,
    /// `AbleToScale`: the size was written.
    SucceededRescale,
    /// `AbleToScale`: the size could be written.
    ReadyForNewScale,
    /// `AbleToScale`: a smaller size waits for the stabilisation window.
    ScaleDownStabilized,
    /// Not `AbleToScale`: the size cannot be read.
    FailedGetScale,
    /// Not `AbleToScale`: the size cannot be written.
    FailedUpdateScale,
    /// Not `AbleToScale`: another writer sets the size too.
    FieldConflict,
    /// `CapacityKnown`: learned from the running pods.
    Learned,
    /// Not `CapacityKnown`: taken from capacity.prior.
    Prior,
    /// Not `CapacityKnown`: being learned; CPU leads until then.
    Learning,
    /// Not `CapacityKnown`: the new revision holds clearly less than the one before.
    Regressed,
    /// `RuntimeApplied`: every pod acknowledged its worker count.
    WorkersAcknowledged,
    /// Not `RuntimeApplied`: pods have not acknowledged their worker count.
    NotAcknowledged,
    /// Not `RuntimeApplied`: a worker count made things worse and was taken back.
    RolledBack,
    /// Paused: mode is Paused.
    PausedByUser,
    /// Not Paused: mode is Active, sizes are written.
    Active,
    /// Not Paused: mode is Observe, decisions are shown and no size is written.
    Observing,
    /// Stalled: the user has to act; the message says how.
    NeedsUser,
    /// Reconciling: a change of the spec or the size is under way.
    Progressing,
}

impl ConditionType {
    /// Every type, in the order in which a status shows them.
    pub const ALL: [Self; 13] = [
        Self::Ready,
        Self::Feasible,
        Self::AboveTarget,
        Self::ObjectiveMet,
        Self::EvidenceFresh,
        Self::Limited,
        Self::ScaleUpBlocked,
        Self::AbleToScale,
        Self::CapacityKnown,
        Self::RuntimeApplied,
        Self::Paused,
        Self::Stalled,
        Self::Reconciling,
    ];

    /// The name in status, metrics and documentation.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The reasons this type may carry.
    pub fn reasons(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| reason.condition() == self)
    }
}

impl ConditionStatus {
    /// The name in the status.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 51] = [
        Self::Holding,
        Self::InvalidSpec,
        Self::TargetNotFound,
        Self::TargetOwned,
        Self::NoEvidence,
        Self::WriteFailed,
        Self::Starting,
        Self::EnoughReplicas,
        Self::MaxReplicasTooLow,
        Self::CapacityUnknown,
        Self::OfferedAboveTarget,
        Self::OfferedWithinTarget,
        Self::OfferedUnknown,
        Self::WithinObjective,
        Self::LatencyAboveObjective,
        Self::CapacityBelowDemand,
        Self::BudgetExhausted,
        Self::NoTraffic,
        Self::EvidenceComplete,
        Self::EvidencePartial,
        Self::EvidenceAbsent,
        Self::EvidencePending,
        Self::TooManyReplicas,
        Self::TooFewReplicas,
        Self::ScaleUpLimit,
        Self::ScaleDownLimit,
        Self::BudgetLow,
        Self::HotPods,
        Self::DesiredWithinRange,
        Self::PodsPending,
        Self::QuotaExceeded,
        Self::PodsLate,
        Self::PodsArriving,
        Self::SucceededRescale,
        Self::ReadyForNewScale,
        Self::ScaleDownStabilized,
        Self::FailedGetScale,
        Self::FailedUpdateScale,
        Self::FieldConflict,
        Self::Learned,
        Self::Prior,
        Self::Learning,
        Self::Regressed,
        Self::WorkersAcknowledged,
        Self::NotAcknowledged,
        Self::RolledBack,
        Self::PausedByUser,
        Self::Active,
        Self::Observing,
        Self::NeedsUser,
        Self::Progressing,
    ];

    /// The name in status, events, metrics and documentation.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The type this reason belongs to.
    pub const fn condition(self) -> ConditionType {
        self.meaning().0
    }

    /// The value this reason gives.
    pub const fn status(self) -> ConditionStatus {
        self.meaning().1
    }

    /// The table of types, values and reasons.
    const fn meaning(self) -> (ConditionType, ConditionStatus) {
        use ConditionStatus::{False, True, Unknown};
        use ConditionType as Type;
        match self {
            Self::Holding => (Type::Ready, True),
            Self::InvalidSpec
            | Self::TargetNotFound
            | Self::TargetOwned
            | Self::NoEvidence
            | Self::WriteFailed => (Type::Ready, False),
            Self::Starting => (Type::Ready, Unknown),
            Self::EnoughReplicas => (Type::Feasible, True),
            Self::MaxReplicasTooLow => (Type::Feasible, False),
            Self::CapacityUnknown => (Type::Feasible, Unknown),
            Self::OfferedAboveTarget => (Type::AboveTarget, True),
            Self::OfferedWithinTarget => (Type::AboveTarget, False),
            Self::OfferedUnknown => (Type::AboveTarget, Unknown),
            Self::WithinObjective => (Type::ObjectiveMet, True),
            Self::LatencyAboveObjective | Self::CapacityBelowDemand | Self::BudgetExhausted => {
                (Type::ObjectiveMet, False)
            }
            Self::NoTraffic => (Type::ObjectiveMet, Unknown),
            Self::EvidenceComplete => (Type::EvidenceFresh, True),
            Self::EvidencePartial | Self::EvidenceAbsent => (Type::EvidenceFresh, False),
            Self::EvidencePending => (Type::EvidenceFresh, Unknown),
            Self::TooManyReplicas
            | Self::TooFewReplicas
            | Self::ScaleUpLimit
            | Self::ScaleDownLimit
            | Self::BudgetLow
            | Self::HotPods => (Type::Limited, True),
            Self::DesiredWithinRange => (Type::Limited, False),
            Self::PodsPending | Self::QuotaExceeded | Self::PodsLate => (Type::ScaleUpBlocked, True),
            Self::PodsArriving => (Type::ScaleUpBlocked, False),
            Self::SucceededRescale | Self::ReadyForNewScale | Self::ScaleDownStabilized => {
                (Type::AbleToScale, True)
            }
            Self::FailedGetScale | Self::FailedUpdateScale | Self::FieldConflict => {
                (Type::AbleToScale, False)
            }
            Self::Learned => (Type::CapacityKnown, True),
            Self::Prior | Self::Learning | Self::Regressed => (Type::CapacityKnown, False),
            Self::WorkersAcknowledged => (Type::RuntimeApplied, True),
            Self::NotAcknowledged | Self::RolledBack => (Type::RuntimeApplied, False),
            Self::PausedByUser => (Type::Paused, True),
            Self::Active | Self::Observing => (Type::Paused, False),
            Self::NeedsUser => (Type::Stalled, True),
            Self::Progressing => (Type::Reconciling, True),
        }
    }
}
