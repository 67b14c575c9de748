//! Which kinds the server knows, and what each can do.

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Without a namespace.
    Cluster,
    /// In a namespace.
    Namespaced,
}

/// What a kind has beyond plain objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// `/status` is written apart from the rest.
    Status,
    /// `/scale`.
    Scale,
    /// `metadata.generation` counts the changes of the specification.
    Generation,
    /// A PUT has to carry the `resourceVersion` it read.
    Conditional,
}

/// One kind of objects, as discovery shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Name in the path.
    pub plural: &'static str,
    /// Name in the object.
    pub kind: &'static str,
    /// Where its objects live.
    pub scope: Scope,
    /// What it has beyond plain objects.
    pub features: &'static [Feature],
}

use Feature::{Conditional, Generation, Scale, Status};

impl Kind {
    /// A namespaced kind with these features.
    pub const fn namespaced(
        [group, version, plural, kind]: [&'static str; 4],
        features: &'static [Feature],
    ) -> Self {
        Self { group, version, plural, kind, scope: Scope::Namespaced, features }
    }

    /// A kind without namespaces, with these features.
    pub const fn cluster(
        [group, version, plural, kind]: [&'static str; 4],
        features: &'static [Feature],
    ) -> Self {
        Self { group, version, plural, kind, scope: Scope::Cluster, features }
    }

    /// Whether it has `feature`.
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// `apps/v1`, or `v1` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `deployments.apps`, as messages name it; with a sub-resource `deployments/scale.apps`.
    pub fn qualified(&self, subresource: Option<&str>) -> String {
        let resource = self.resource(subresource);
        if self.group.is_empty() { resource } else { format!("{resource}.{}", self.group) }
    }

    /// `deployments` or `deployments/scale`.
    pub fn resource(&self, subresource: Option<&str>) -> String {
        subresource.map_or_else(|| self.plural.to_owned(), |name| format!("{}/{name}", self.plural))
    }

    /// The sub-resources this server answers for the kind, each with the kind of its body.
    pub(crate) fn subresources(&self) -> Vec<(&'static str, &'static str)> {
        let mut names = Vec::new();
        if self.has(Status) {
            names.push(("status", self.kind));
        }
        if self.has(Scale) {
            names.push(("scale", "Scale"));
        }
        match (self.group, self.plural) {
            ("", "pods") => names.extend([("resize", "Pod"), ("eviction", "Eviction")]),
            ("", "serviceaccounts") => names.push(("token", "TokenRequest")),
            _ => {}
        }
        names
    }
}

const WORKLOAD: &[Feature] = &[Status, Scale, Generation];
const SPECIFIED: &[Feature] = &[Status, Generation];
const CUSTOM: &[Feature] = &[Status, Generation, Conditional];

/// The kinds every server starts with.
pub(crate) const BUILT_IN: &[Kind] = &[
    Kind::cluster(["", "v1", "namespaces", "Namespace"], &[Status]),
    Kind::cluster(["", "v1", "nodes", "Node"], &[Status]),
    Kind::namespaced(["", "v1", "pods", "Pod"], SPECIFIED),
    Kind::namespaced(["", "v1", "services", "Service"], &[Status]),
    Kind::namespaced(["", "v1", "serviceaccounts", "ServiceAccount"], &[]),
    Kind::namespaced(["", "v1", "configmaps", "ConfigMap"], &[]),
    Kind::namespaced(["", "v1", "resourcequotas", "ResourceQuota"], &[Status]),
    Kind::namespaced(["", "v1", "events", "Event"], &[]),
    Kind::namespaced(["apps", "v1", "deployments", "Deployment"], WORKLOAD),
    Kind::namespaced(["apps", "v1", "replicasets", "ReplicaSet"], WORKLOAD),
    Kind::namespaced(["apps", "v1", "statefulsets", "StatefulSet"], WORKLOAD),
    Kind::namespaced(["policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"], SPECIFIED),
    Kind::namespaced(["coordination.k8s.io", "v1", "leases", "Lease"], &[Conditional]),
    Kind::namespaced(["autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"], &[Status]),
    Kind::namespaced(["events.k8s.io", "v1", "events", "Event"], &[]),
    Kind::namespaced(["headroom.dev", "v1alpha1", "scaledservices", "ScaledService"], CUSTOM),
    Kind::namespaced(
        ["headroom.dev", "v1alpha1", "scaledservicecheckpoints", "ScaledServiceCheckpoint"],
        &[Generation, Conditional],
    ),
    Kind::cluster(["authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview"], &[]),
    Kind::cluster(["authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview"], &[]),
    Kind::cluster(
        ["apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition"],
        CUSTOM,
    ),
];
