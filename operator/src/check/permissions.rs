//! What the controller must be allowed to do: exactly this, in the chart's roles and nowhere more.

/// One verb on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// Where it is needed.
    pub place: Place,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resource, with its sub-resource if there is one.
    pub resource: &'static str,
    /// Verb.
    pub verb: &'static str,
}

/// Where a permission is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In every namespace that is watched.
    Watched,
    /// In the controller's own namespace.
    Own,
    /// In every namespace that is watched, for bundled workloads (Helm value `workload.enabled`).
    Workload,
}

const fn rule(place: Place, group: &'static str, resource: &'static str, verb: &'static str) -> Permission {
    Permission { place, group, resource, verb }
}

/// Every permission, for the kinds that the chart lets scale by default.
pub const PERMISSIONS: [Permission; 31] = [
    rule(Place::Watched, "headroom.dev", "scaledservices", "list"),
    rule(Place::Watched, "headroom.dev", "scaledservices", "watch"),
    rule(Place::Watched, "headroom.dev", "scaledservices/status", "patch"),
    rule(Place::Watched, "headroom.dev", "scaledservicecheckpoints", "get"),
    rule(Place::Watched, "headroom.dev", "scaledservicecheckpoints", "create"),
    rule(Place::Watched, "headroom.dev", "scaledservicecheckpoints", "patch"),
    rule(Place::Watched, "", "pods", "list"),
    rule(Place::Watched, "", "pods", "watch"),
    rule(Place::Watched, "autoscaling", "horizontalpodautoscalers", "list"),
    rule(Place::Watched, "autoscaling", "horizontalpodautoscalers", "watch"),
    rule(Place::Watched, "apps", "deployments", "get"),
    rule(Place::Watched, "apps", "deployments/scale", "get"),
    rule(Place::Watched, "apps", "deployments/scale", "patch"),
    rule(Place::Watched, "apps", "statefulsets", "get"),
    rule(Place::Watched, "apps", "statefulsets/scale", "get"),
    rule(Place::Watched, "apps", "statefulsets/scale", "patch"),
    rule(Place::Watched, "events.k8s.io", "events", "create"),
    rule(Place::Watched, "events.k8s.io", "events", "patch"),
    rule(Place::Workload, "apps", "deployments", "get"),
    rule(Place::Workload, "apps", "deployments", "create"),
    rule(Place::Workload, "apps", "deployments", "patch"),
    rule(Place::Workload, "", "services", "get"),
    rule(Place::Workload, "", "services", "create"),
    rule(Place::Workload, "", "services", "patch"),
    rule(Place::Workload, "policy", "poddisruptionbudgets", "get"),
    rule(Place::Workload, "policy", "poddisruptionbudgets", "create"),
    rule(Place::Workload, "policy", "poddisruptionbudgets", "patch"),
    rule(Place::Own, "coordination.k8s.io", "leases", "get"),
    rule(Place::Own, "coordination.k8s.io", "leases", "create"),
    rule(Place::Own, "coordination.k8s.io", "leases", "update"),
    rule(Place::Own, "", "serviceaccounts/token", "create"),
];
