//! What was seen of a service at one moment: its size, its pods, and what each pod's server counted.

mod sample;

pub use sample::{Answered, Sample, ServiceTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::units::{MilliCpu, Replicas};

/// One look at a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// The size asked of the target now (`spec.replicas`).
    pub replicas: Replicas,
    /// Every pod of the target that exists.
    pub pods: Vec<Pod>,
    /// Whether `pods` is known to be recent.
    #[serde(default)]
    pub inventory: Inventory,
    /// Whether the size may shrink at all.
    #[serde(default)]
    pub shrinking: Shrinking,
    /// Who set `replicas` to what it is now.
    #[serde(default)]
    pub resized_by: Resizer,
    /// What the cluster said when it refused to create further pods (a quota, for example); `None` when it did not.
    #[serde(default)]
    pub blocked: Option<String>,
    /// Latency at each objective's quantile over all pods that answered, in seconds, in the policy's order. Only
    /// shown: no decision reads it.
    #[serde(default)]
    pub latency: [Option<f64>; Policy::MAX_OBJECTIVES],
}

/// Whether the list of pods is known to be recent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Inventory {
    /// The list is kept up to date.
    #[default]
    Complete,
    /// Nothing was heard from the cluster for too long: pods may have come or gone. The size may grow, not shrink.
    Stale,
}

/// Whether the size may shrink, whatever this service's own numbers say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shrinking {
    /// It may.
    #[default]
    Allowed,
    /// So many services want to shrink, or fell silent, that a common fault is likelier than a common calm.
    Frozen,
}

/// Who set the size seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resizer {
    /// This operator, or nobody since.
    #[default]
    Us,
    /// Somebody else: a person, a pipeline, another controller.
    Other,
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Name, unique within the observation and never used again after the pod has gone.
    pub name: String,
    /// Where it is in its life.
    pub state: PodState,
    /// When it was created, by the cluster's clock.
    pub created_at: Option<Timestamp>,
    /// When it became ready, by the cluster's clock.
    pub ready_at: Option<Timestamp>,
    /// Hash of the pod template without resources.
    pub revision: String,
    /// Kind of node it runs on; empty when unknown.
    pub node_class: String,
    /// CPU it may use; zero when unknown.
    pub cpu: MilliCpu,
    /// Worker threads of its server; zero when unknown.
    pub workers: u32,
    /// Why it can't start, where the cluster says so.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// What its server said.
    pub answer: Answer,
}

/// Why a pod can't start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trouble {
    /// No node has room for it.
    Unschedulable,
    /// It starts and ends again and again.
    CrashLoop,
    /// Its image can't be pulled.
    ImagePull,
    /// Its container or sandbox can't be made.
    CreateFailed,
}

/// What a pod's server said at this look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::large_enum_variant, reason = "nearly every pod tells: a box for each would cost more")]
pub enum Answer {
    /// What it had counted.
    Told(Sample),
    /// Asked, or impossible to ask, and no answer.
    #[default]
    Silent,
    /// Not asked this time: the pods of a large, calm service take turns. What it last told still counts for a while.
    NotAsked,
}

impl Answer {
    /// The counters told, if any.
    pub fn told(&self) -> Option<&Sample> {
        match self {
            Self::Told(sample) => Some(sample),
            Self::Silent | Self::NotAsked => None,
        }
    }

    /// The counters told, to change them.
    pub fn told_mut(&mut self) -> Option<&mut Sample> {
        match self {
            Self::Told(sample) => Some(sample),
            Self::Silent | Self::NotAsked => None,
        }
    }
}

impl From<Option<Sample>> for Answer {
    /// Of a pod that was asked: no counters are silence.
    fn from(sample: Option<Sample>) -> Self {
        sample.map_or(Self::Silent, Self::Told)
    }
}

/// Where a pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodState {
    /// Serves.
    Ready,
    /// Created and never ready yet.
    Starting,
    /// Was ready and is not now.
    NotReady,
    /// Told to stop.
    Terminating,
    /// Ended and will not come back.
    Failed,
}

impl PodState {
    /// Whether requests may be reaching it: everything but a pod that starts or has ended. An overloaded pod that
    /// turns unready must not make its load disappear.
    pub fn may_carry_load(self) -> bool {
        matches!(self, Self::Ready | Self::NotReady | Self::Terminating)
    }
}
