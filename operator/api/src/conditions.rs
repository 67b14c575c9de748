//! Conditions of a `ScaledService`: types, the reasons each may carry, and how they get into a status.
//!
//! A [`Reason`] knows its type and its status, so a wrong pair cannot be written. Status, events, metrics and
//! documentation all take their words from here. Names are those of the `HorizontalPodAutoscaler` where it says
//! the same.

mod merge;
mod reason;

pub use merge::{NewCondition, merge, most_important};
pub use reason::Reason;

use crate::vocabulary::vocabulary;

vocabulary! {
    /// What a condition is about.
    pub enum ConditionType {
        Ready = "Headroom holds the promise, or says why it cannot try.",
        Feasible = "maxReplicas pods can hold objectives.qps.",
        AboveTarget = "The offered rate is above objectives.qps: the promise does not hold there.",
        ObjectiveMet = "The objectives are met now.",
        EvidenceFresh = "The pods' numbers are recent and complete.",
        Limited = "The wanted size was cut by a bound or a guard.",
        ScaleUpBlocked = "Pods were asked for and do not arrive.",
        AbleToScale = "Sizes can be read and written.",
        CapacityKnown = "The capacity of a pod is known with confidence.",
        RuntimeApplied = "The running pods took over the worker count.",
        Paused = "The user paused sizing.",
        Stalled = "No progress without the user (kstatus); absent otherwise.",
        Reconciling = "A change is under way (kstatus); absent otherwise.",
    }
}

vocabulary! {
    /// The value of a condition.
    pub enum ConditionStatus {
        True = "It is so.",
        False = "It is not so.",
        Unknown = "It cannot be told.",
    }
}

impl ConditionType {
    /// The reasons this type may carry.
    pub fn reasons(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| reason.condition() == self)
    }
}
