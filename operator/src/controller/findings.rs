//! What one pass found out about a service and did about it: the report is made of this and of nothing else.

use std::collections::BTreeMap;
use std::fmt;

use headroom_core::{Decision, Observation, Trouble};
use serde::Serialize;

use crate::outcome::Outcome;

/// Names an object that is scaled; it lives in the namespace of its service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetName {
    /// Group and version, for example apps/v1.
    pub api_version: String,
    /// Kind, for example Deployment.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// The object that is scaled, as its scale sub-resource showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Which object.
    pub name: TargetName,
    /// Its UID: another one is another object.
    pub uid: String,
    /// Its version when it was read; a write carries it.
    pub resource_version: String,
    /// Pods asked for (`spec.replicas`).
    pub replicas: u32,
    /// Pods that its own controller counts (`status.replicas`); zero where it does not say.
    pub counted: u32,
    /// Selector of its pods, as text: `app=orders,tier in (web)`.
    pub selector: String,
}

/// Something else that sizes a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Kind, for example `HorizontalPodAutoscaler`, `ScaledObject` or `ScaledService`.
    pub kind: String,
    /// Name, in the same namespace.
    pub name: String,
}

/// How far a pass came.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "standing", rename_all = "camelCase")]
pub enum Standing {
    /// The spec breaks a rule that only the controller can see, or can't be read.
    InvalidSpec {
        /// Which field, what is wrong, what to do.
        message: String,
    },
    /// The object to scale does not exist or has no scale sub-resource.
    TargetNotFound {
        /// Which one.
        message: String,
    },
    /// Something else sizes the target, and the mode is Active.
    TargetOwned {
        /// What.
        owner: Owner,
    },
    /// A same-named object exists that is not ours, or the API server refuses what we apply.
    WorkloadRefused {
        /// Which object, what was said.
        message: String,
    },
    /// The size can't be read now.
    ScaleUnreadable {
        /// What was said.
        message: String,
    },
    /// The mode is Paused: the last size stays.
    Paused {
        /// The target with its last size.
        target: Box<Target>,
    },
    /// Everything was seen and decided.
    Decided(Box<Decided>),
}

impl Standing {
    /// Of a service that made us panic.
    pub fn quarantined() -> Self {
        let message =
            "this object makes the controller panic: it is left alone for a minute; please report it"
                .to_owned();
        Self::InvalidSpec { message }
    }
}

/// A whole pass.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// What is scaled.
    pub target: Target,
    /// What was seen.
    pub observation: Observation,
    /// What the cluster says about the first pod with each trouble.
    pub troubles: BTreeMap<Trouble, String>,
    /// What was decided.
    pub decision: Decision,
    /// What was done about it.
    pub outcome: Outcome,
    /// Field manager that changed the size since the last look, where it was not us and is known.
    pub resized_by: Option<String>,
    /// Whose lists may be old: the API server has not confirmed them for too long.
    pub stale: Vec<&'static str>,
    /// Why the objects of a bundled workload are not what the spec says, where that needs to be known.
    pub unapplied: Option<Unapplied>,
    /// Whether the running pods took over the worker count; `None` where none is asked for.
    pub workers: Option<Acknowledged>,
}

/// Why the objects of a bundled workload are not what the spec says, though the Deployment can be scaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "unapplied", rename_all = "camelCase")]
pub enum Unapplied {
    /// They won't be before somebody acts.
    Refused {
        /// Which object, what was said.
        message: String,
    },
    /// They could not be applied for longer than a passing trouble lasts.
    Unavailable {
        /// Which object, what was said.
        message: String,
    },
}

/// How many running pods took over what was asked of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Acknowledged {
    /// Pods that run what was asked.
    pub pods: u32,
    /// Pods that should.
    pub of: u32,
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}
