//! An observation of the core as a line that `headroom decide` reads: so a running service can be replayed.

use headroom_core::units::{MilliCpu, Replicas};
use headroom_core::{
    Answer, Inventory, Observation, Pod, PodState, Policy, Resizer, Sample, Shrinking, Trouble,
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// One observation. Its pods carry `sample` in place of `stats`, because the core keeps no histograms.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservationLine<'a> {
    now: Timestamp,
    replicas: Replicas,
    #[serde(skip_serializing_if = "is_usual")]
    inventory: Inventory,
    #[serde(skip_serializing_if = "is_usual")]
    shrinking: Shrinking,
    #[serde(skip_serializing_if = "is_usual")]
    resized_by: Resizer,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<&'a str>,
    #[serde(skip_serializing_if = "is_usual")]
    latency: [Option<f64>; Policy::MAX_OBJECTIVES],
    #[serde(serialize_with = "pods")]
    pods: &'a [Pod],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PodLine<'a> {
    name: &'a str,
    state: PodState,
    created_at: Option<Timestamp>,
    ready_at: Option<Timestamp>,
    revision: &'a str,
    node_class: &'a str,
    cpu_millis: MilliCpu,
    workers: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<Trouble>,
    #[serde(skip_serializing_if = "is_true")]
    asked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<&'a Sample>,
}

impl<'a> ObservationLine<'a> {
    /// The line for what was seen at `now`.
    pub fn new(seen: &'a Observation, now: Timestamp) -> Self {
        let Observation { replicas, pods, inventory, shrinking, resized_by, blocked, latency } = seen;
        Self {
            now,
            replicas: *replicas,
            inventory: *inventory,
            shrinking: *shrinking,
            resized_by: *resized_by,
            blocked: blocked.as_deref(),
            latency: *latency,
            pods,
        }
    }
}

fn pods<S: Serializer>(pods: &[Pod], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pods.iter().map(PodLine::new))
}

impl<'a> PodLine<'a> {
    fn new(pod: &'a Pod) -> Self {
        let Pod { name, state, created_at, ready_at, revision, node_class, cpu, workers, trouble, answer } =
            pod;
        Self {
            name,
            state: *state,
            created_at: *created_at,
            ready_at: *ready_at,
            revision,
            node_class,
            cpu_millis: *cpu,
            workers: *workers,
            trouble: *trouble,
            asked: !matches!(answer, Answer::NotAsked),
            sample: answer.told(),
        }
    }
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_true(value: &bool) -> bool {
    *value
}
