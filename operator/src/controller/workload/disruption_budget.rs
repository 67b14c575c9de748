//! The `PodDisruptionBudget`: how many pods a drain may take at a time.
//!
//! A tenth of the pods, at least one. A fixed `minAvailable` from minReplicas would protect the floor and nothing above
//! it: of ten pods that the load needs now, a drain could take nine. A share holds at every size, the floor among them:
//! of minReplicas pods one may go (one in ten), and a single pod never holds up a drain for ever.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Owned, labels};

/// Kubernetes rounds it up to whole pods.
const MAX_UNAVAILABLE: &str = "10%";

/// The budget. Pods that are not ready carry no load: they may always be evicted.
pub fn disruption_budget(owned: &Owned<'_>) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: owned.metadata(),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::String(MAX_UNAVAILABLE.to_owned())),
            min_available: None,
            selector: Some(labels::selector(owned.name)),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
        }),
        status: None,
    }
}
