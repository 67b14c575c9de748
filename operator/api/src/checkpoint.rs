//! `ScaledServiceCheckpoint`: what was learned of a service, kept so that an upgrade or a crash of every replica of the
//! controller forgets nothing. Written by the leader, owned by the service, of the same name.

#![allow(
    clippy::duplicated_attributes,
    reason = "columns have equal types, which clippy takes for a repetition"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest `learned`, in bytes.
pub const MOST_LEARNED_BYTES: usize = 65_536;

/// What was learned of a service, and when.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "headroom.dev",
    version = "v1alpha1",
    kind = "ScaledServiceCheckpoint",
    doc = "What Headroom learned of the ScaledService of the same name. Written and read by the controller only.",
    namespaced,
    shortname = "ssvcc",
    category = "headroom",
    derive = "PartialEq",
    annotation("helm.sh/resource-policy", "keep"),
    printcolumn(name = "Saved", type_ = "date", json_path = ".spec.savedAt"),
    printcolumn(name = "StateVersion", type_ = "integer", json_path = ".spec.stateVersion", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ScaledServiceCheckpointSpec {
    /// When it was saved.
    pub saved_at: Time,

    /// Version of the form of learned. A controller that does not know it starts anew.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub state_version: u32,

    /// Capacity, time to ready and error budget, as JSON text: a text has a bound, an open object has none.
    #[schemars(length(max = MOST_LEARNED_BYTES))]
    pub learned: String,
}
