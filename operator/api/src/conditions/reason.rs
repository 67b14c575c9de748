//! Why a condition has its value: the table of types, values, reasons and their texts.

use super::{ConditionStatus, ConditionType};

/// One line for each reason: value, name, text; grouped by the type they belong to.
macro_rules! reasons {
    ($($kind:ident { $($status:ident $reason:ident = $text:literal,)* })*) => {
        crate::vocabulary::vocabulary! {
            /// Why a condition has its value. Each reason belongs to one type and one value.
            pub enum Reason { $($($reason = $text,)*)* }
        }

        impl Reason {
            /// The type this reason belongs to.
            pub const fn condition(self) -> ConditionType {
                match self {
                    $($(Self::$reason)|* => ConditionType::$kind,)*
                }
            }

            /// The value this reason gives.
            pub const fn status(self) -> ConditionStatus {
                match self {
                    $($(Self::$reason => ConditionStatus::$status,)*)*
                }
            }
        }
    };
}

reasons! {
    Ready {
        True Holding = "The service is sized and the promise is watched.",
        True Watching = "The promise is watched and no size is written: whether it holds is not up to Headroom.",
        False InvalidSpec = "The spec breaks a rule that only the controller can see.",
        False TargetNotFound = "The object to scale does not exist or has no scale sub-resource.",
        False TargetOwned = "Something else sizes the target.",
        False NoEvidence = "No pod answers, so nothing is decided.",
        False WriteFailed = "The API server refuses the size, or an object of spec.workload; the message says which.",
        Unknown Starting = "The first observations are being made.",
    }
    Feasible {
        True EnoughReplicas = "maxReplicas pods hold objectives.qps.",
        False MaxReplicasTooLow = "maxReplicas pods hold less than objectives.qps.",
        False QueueDelayTooLong = "Requests may wait in the queue for longer than every latency objective allows.",
        Unknown CapacityUnknown = "The capacity of a pod is not known yet.",
    }
    AboveTarget {
        True OfferedAboveTarget = "More arrives than objectives.qps.",
        False OfferedWithinTarget = "What arrives is within objectives.qps.",
        Unknown OfferedUnknown = "The offered rate is not seen.",
    }
    ObjectiveMet {
        True WithinObjective = "Latency and error budget are within the objectives.",
        False LatencyAboveObjective = "Latency is above an objective.",
        False CapacityBelowDemand = "The ready pods hold less than what arrives.",
        False BudgetExhausted = "The error budget of the window is spent.",
        Unknown NoTraffic = "Nothing arrives.",
    }
    EvidenceFresh {
        True EvidenceComplete = "Every pod answered recently.",
        False EvidencePartial = "Too few pods answered: the size may grow but not shrink.",
        False EvidenceAbsent = "No pod answered: the size stays.",
        False EvidenceStale = "What the cluster told may be old: the size may grow but not shrink.",
        Unknown EvidencePending = "No pod runs yet.",
    }
    Limited {
        True TooManyReplicas = "More pods are wanted than maxReplicas.",
        True AboveMaximum = "The size was set above maxReplicas and is brought back to it.",
        True TooFewReplicas = "Fewer pods are wanted than minReplicas or the reserve.",
        True ScaleUpLimit = "behavior.scaleUp slows growth.",
        True ScaleDownLimit = "behavior.scaleDown slows shrinking.",
        True BudgetLow = "The size does not shrink because the objectives are being missed.",
        True HotPods = "The size does not shrink because single pods are hot.",
        True NotEnoughReady = "The size does not shrink because too few pods are ready.",
        True Unconfirmed = "A jump of the load seen once grows the size only so far.",
        True Frozen = "Shrinking is frozen for all services: so many at once would have shrunk or fell silent.",
        True ScaledByOther = "Somebody else set the size: it is kept for one stabilisation window.",
        False DesiredWithinRange = "The wanted size is the size.",
    }
    ScaleUpBlocked {
        True PodsPending = "Pods wait for a node.",
        True QuotaExceeded = "A quota of the namespace is used up: the cluster refuses to create further pods.",
        True PodsRefused = "The cluster refuses to create further pods: a policy, or something they name that is missing.",
        True ImagePullFailing = "The image of new pods can't be pulled.",
        True CrashLooping = "New pods start and end again and again.",
        True CreateFailing = "The container or sandbox of new pods can't be made.",
        True PodsLate = "Pods started and are far too late.",
        False PodsArriving = "Pods arrive when expected.",
    }
    AbleToScale {
        True SucceededRescale = "The size was written.",
        True ReadyForNewScale = "The size could be written.",
        True ScaleDownStabilized = "A smaller size waits for the stabilisation window.",
        False FailedGetScale = "The size cannot be read.",
        False FailedUpdateScale = "The size cannot be written.",
        False FieldConflict = "Another writer sets the size too.",
    }
    CapacityKnown {
        True Learned = "Learned from the running pods.",
        False Prior = "Taken from capacity.prior.",
        False Learning = "Being learned; CPU leads until then.",
        False Regressed = "The new revision holds clearly less than the one before.",
    }
    RuntimeApplied {
        True WorkersAcknowledged = "Every pod acknowledged its worker count.",
        False NotAcknowledged = "Pods have not acknowledged their worker count.",
        False RolledBack = "A worker count made things worse and was taken back.",
    }
    Paused {
        True PausedByUser = "The mode is Paused: the last size stays.",
        False Active = "The mode is Active: sizes are written.",
        False Observing = "The mode is Observe: decisions are shown and no size is written.",
    }
    Stalled {
        True NeedsUser = "The user has to act; the message says how.",
    }
    Reconciling {
        True Progressing = "A change of the spec or the size is under way.",
    }
}
