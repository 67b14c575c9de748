//! `ScaledService`: one service and what it must hold.

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::{
    behavior::Behavior,
    formats,
    objectives::Objectives,
    quantity::{NumberOrText, number_or_text},
    rules,
    status::ScaledServiceStatus,
    units::{Duration, UnitError},
    workload::Workload,
};

/// The API group of every kind of Headroom. The derive below needs a literal; a test holds them equal.
pub const GROUP: &str = "headroom.dev";

/// The API version of this crate's types.
pub const VERSION: &str = "v1alpha1";

/// The most worker threads a pod may be told to run.
const MOST_WORKERS: u32 = 1024;

/// One service and what it must hold.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "headroom.dev",
    version = "v1alpha1",
    kind = "ScaledService",
    doc = "A service, the promise it must hold, and the limits within which Headroom sizes it.",
    namespaced,
    shortname = "ssvc",
    category = "headroom",
    status = "ScaledServiceStatus",
    derive = "PartialEq",
    annotation("helm.sh/resource-policy", "keep"),
    validation = rules::service_name(),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Offered", type_ = "string", json_path = ".status.display.offered"),
    printcolumn(name = "Capacity", type_ = "string", json_path = ".status.display.capacity"),
    printcolumn(name = "P99", type_ = "string", json_path = ".status.display.latency"),
    printcolumn(name = "Replicas", type_ = "string", json_path = ".status.display.replicas"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.display.reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Target", type_ = "string", json_path = ".status.display.target", priority = 1),
    printcolumn(name = "QPS", type_ = "integer", json_path = ".spec.objectives.qps", priority = 1),
    printcolumn(name = "PerPod", type_ = "string", json_path = ".status.display.perPod", priority = 1),
    printcolumn(name = "Budget", type_ = "string", json_path = ".status.display.budget", priority = 1),
    printcolumn(name = "CPU", type_ = "string", json_path = ".status.display.cpu", priority = 1),
    printcolumn(name = "Workers", type_ = "string", json_path = ".status.display.workers", priority = 1),
    printcolumn(name = "Lead", type_ = "string", json_path = ".status.display.lead", priority = 1),
    printcolumn(name = "LastChange", type_ = "date", json_path = ".status.lastChange", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::attach)]
pub struct ScaledServiceSpec {
    /// The bundled server, owned by Headroom. Exactly one of workload and scaleTargetRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,

    /// Somebody else's object with a scale sub-resource, in the same namespace. Exactly one of workload and
    /// scaleTargetRef.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_target_ref: Option<ScaleTargetRef>,

    /// The promise that capacity is bought for.
    pub objectives: Objectives,

    /// Capacity kept ready at all times. Default: minReplicas and nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Reserve>,

    /// The fewest pods ever asked for. With 1 a pod that fails leaves a gap.
    #[serde(default = "min_replicas")]
    #[schemars(range(min = 1, max = 50_000))]
    pub min_replicas: u32,

    /// The most pods ever asked for. Default: what objectives.qps needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50_000))]
    pub max_replicas: Option<u32>,

    /// How fast the size may change.
    #[serde(default)]
    pub behavior: Behavior,

    /// What is known of the capacity of a pod before Headroom has learned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,

    /// What runs inside the pods.
    #[serde(default)]
    pub runtime: Runtime,

    /// Active sizes the service; Observe decides and shows but writes no size; Paused decides nothing and keeps
    /// the last size.
    #[serde(default)]
    pub mode: Mode,
}

/// Names an object with a scale sub-resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleTargetRef {
    /// Group and version, for example apps/v1.
    #[serde(default = "apps_v1")]
    #[schemars(length(max = formats::API_VERSION.max), regex(pattern = formats::API_VERSION.pattern))]
    pub api_version: String,

    /// Kind, for example Deployment.
    #[schemars(length(max = formats::KIND.max), regex(pattern = formats::KIND.pattern))]
    pub kind: String,

    /// Name, in the namespace of the ScaledService.
    #[schemars(length(max = formats::OBJECT_NAME.max), regex(pattern = formats::OBJECT_NAME.pattern))]
    pub name: String,
}

/// Capacity kept ready at all times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reserve {
    /// Requests per second that can arrive at any moment and be held at once; at most objectives.qps.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub qps: i64,
}

/// What is known of the capacity of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// A first guess, used until capacity is known with confidence.
    pub prior: CapacityPrior,
}

/// A first guess at the capacity of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityPrior {
    /// Requests per second that one pod holds within the objectives.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub qps_per_pod: i64,
}

/// What runs inside the pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Runtime {
    /// Worker threads in each pod: Auto (as many as the pod has CPUs) or a number.
    #[serde(default)]
    pub workers: Workers,
}

/// Worker threads in each pod.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "NumberOrText", into = "NumberOrText")]
pub enum Workers {
    /// As many as the pod has CPUs.
    #[default]
    Auto,
    /// This many, from 1 to 1024.
    Count(u32),
}

/// What Headroom does with its decisions about the size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Mode {
    /// Decides and writes the size.
    #[default]
    Active,
    /// Decides and shows; writes no size.
    Observe,
    /// Decides nothing; the last size stays.
    Paused,
}

impl ScaledServiceSpec {
    /// The longest wait for a slot that the server's configuration asks for: the field itself, else the
    /// shortest latency threshold. `None` without a workload.
    pub fn queue_delay(&self) -> Option<Duration> {
        let config = &self.workload.as_ref()?.config;
        config
            .queue_delay
            .or_else(|| self.objectives.latency.iter().map(|objective| objective.threshold).min())
    }
}

impl TryFrom<NumberOrText> for Workers {
    type Error = UnitError;

    fn try_from(value: NumberOrText) -> Result<Self, UnitError> {
        match value {
            NumberOrText::Text(text) if text == "Auto" => Ok(Self::Auto),
            NumberOrText::Number(count) if (1..=u64::from(MOST_WORKERS)).contains(&count) => {
                Ok(Self::Count(count as u32))
            }
            other => Err(UnitError::new(other.to_string(), formats::WORKERS)),
        }
    }
}

impl From<Workers> for NumberOrText {
    fn from(workers: Workers) -> Self {
        match workers {
            Workers::Auto => Self::Text("Auto".to_owned()),
            Workers::Count(count) => Self::Number(u64::from(count)),
        }
    }
}

impl JsonSchema for Workers {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Workers".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        number_or_text(formats::WORKERS, 1, u64::from(MOST_WORKERS))
    }
}

fn min_replicas() -> u32 {
    2
}

fn apps_v1() -> String {
    "apps/v1".to_owned()
}
