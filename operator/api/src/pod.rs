//! What a user may say about the pods of an owned workload: an allow-list, field by field.
//!
//! The controller creates Deployments on the user's behalf, so whatever could lift a pod out of its
//! namespace is absent here: service accounts, host namespaces and paths, security contexts.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{
    formats,
    quantity::{Cpu, Memory},
};

/// What the pods carry besides the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    /// CPU and memory of the server's container.
    #[serde(default)]
    pub resources: Resources,

    /// Environment variables of the server's container.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<EnvVar>,

    /// Further labels of the pods. Keys under headroom.dev/ and app.kubernetes.io/ belong to the controller.
    #[serde(default)]
    #[schemars(schema_with = "labels")]
    pub labels: BTreeMap<String, String>,

    /// Further annotations of the pods. Keys under headroom.dev/ belong to the controller.
    #[serde(default)]
    #[schemars(schema_with = "annotations")]
    pub annotations: BTreeMap<String, String>,

    /// Labels a node must have.
    #[serde(default)]
    #[schemars(schema_with = "labels")]
    pub node_selector: BTreeMap<String, String>,

    /// Taints of nodes that the pods tolerate.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,

    /// How the pods are spread over nodes and zones.
    #[serde(default)]
    #[schemars(length(max = 4))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["topologyKey"]))]
    pub topology_spread: Vec<TopologySpread>,

    /// Name of a PriorityClass. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = formats::OBJECT_NAME.max), regex(pattern = formats::OBJECT_NAME.pattern))]
    pub priority_class_name: Option<String>,

    /// Seconds a pod gets to stop; not less than config.drain.delay and config.drain.timeout together.
    #[serde(default = "grace_period")]
    #[schemars(range(min = 1, max = 3600))]
    pub termination_grace_period_seconds: u32,

    /// ConfigMaps and Secrets of the same namespace, mounted read-only.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub volumes: Vec<Volume>,
}

/// CPU and memory of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What the scheduler sets aside.
    #[serde(default)]
    pub requests: ResourceAmounts,

    /// What the container may not exceed. Default: no limit.
    #[serde(default)]
    pub limits: ResourceAmounts,
}

/// Amounts of CPU and memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAmounts {
    /// CPUs, for example 2, "0.5" or "500m".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,

    /// Bytes of memory, for example "256Mi".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Name of the variable.
    #[schemars(length(min = 1, max = formats::ENV_NAME.max), regex(pattern = formats::ENV_NAME.pattern))]
    pub name: String,

    /// Value of the variable, at most 4096 characters.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub value: String,
}

/// A taint that the pods tolerate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// Key of the taint. Left out, with operator Exists: every taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = formats::LABEL_KEY.max), regex(pattern = formats::LABEL_KEY.pattern))]
    pub key: Option<String>,

    /// Whether the value must be equal or the key only exist.
    #[serde(default)]
    pub operator: TolerationOperator,

    /// Value of the taint; only with operator Equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = formats::LABEL_VALUE.max), regex(pattern = formats::LABEL_VALUE.pattern))]
    pub value: Option<String>,

    /// Effect of the taint. Default: every effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,

    /// Seconds a pod stays after the taint NoExecute appeared. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub toleration_seconds: Option<i64>,
}

/// How a toleration compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TolerationOperator {
    /// Key and value are equal.
    #[default]
    Equal,
    /// The key exists.
    Exists,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TaintEffect {
    /// New pods are not scheduled.
    NoSchedule,
    /// New pods are scheduled elsewhere if possible.
    PreferNoSchedule,
    /// Running pods are evicted too.
    NoExecute,
}

/// Spread of the pods over the values of a node label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopologySpread {
    /// Node label to spread over, for example topology.kubernetes.io/zone.
    #[schemars(length(min = 1, max = formats::LABEL_KEY.max), regex(pattern = formats::LABEL_KEY.pattern))]
    pub topology_key: String,

    /// Pods by which two values of the label may differ.
    #[serde(default = "max_skew")]
    #[schemars(range(min = 1, max = 100))]
    pub max_skew: i32,

    /// What the scheduler does when the spread cannot be kept.
    #[serde(default)]
    pub when_unsatisfiable: WhenUnsatisfiable,
}

/// What the scheduler does when a spread cannot be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum WhenUnsatisfiable {
    /// Schedule all the same: capacity is worth more than an even spread.
    #[default]
    ScheduleAnyway,
    /// Leave the pod pending.
    DoNotSchedule,
}

/// A ConfigMap or a Secret, mounted read-only. Exactly one of configMap and secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Name of the volume.
    #[schemars(length(min = 1, max = formats::LABEL.max), regex(pattern = formats::LABEL.pattern))]
    pub name: String,

    /// Where the files appear in the container.
    #[schemars(length(max = formats::MOUNT_PATH.max), regex(pattern = formats::MOUNT_PATH.pattern))]
    pub mount_path: String,

    /// Name of a ConfigMap in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = formats::OBJECT_NAME.max), regex(pattern = formats::OBJECT_NAME.pattern))]
    pub config_map: Option<String>,

    /// Name of a Secret in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = formats::OBJECT_NAME.max), regex(pattern = formats::OBJECT_NAME.pattern))]
    pub secret: Option<String>,
}

impl Default for PodTemplate {
    fn default() -> Self {
        Self {
            resources: Resources::default(),
            env: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            topology_spread: Vec::new(),
            priority_class_name: None,
            termination_grace_period_seconds: grace_period(),
            volumes: Vec::new(),
        }
    }
}

/// A map of at most 32 labels.
fn labels(_: &mut SchemaGenerator) -> Schema {
    let format = formats::LABEL_VALUE;
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": { "type": "string", "maxLength": format.max, "pattern": format.pattern },
    })
}

/// A map of at most 32 annotations of 4096 characters.
fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": { "type": "string", "maxLength": 4096 },
    })
}

fn grace_period() -> u32 {
    30
}

fn max_skew() -> i32 {
    1
}
