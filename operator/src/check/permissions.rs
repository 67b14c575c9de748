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
    /// In every namespace that is watched, for a kind that services size (Helm value `scalableKinds`).
    Target,
    /// In the controller's own namespace.
    Own,
    /// In every namespace that is watched, for bundled workloads (Helm value `workload.enabled`).
    Workload,
}

const fn rule(place: Place, group: &'static str, resource: &'static str, verb: &'static str) -> Permission {
    Permission { place, group, resource, verb }
}

/// What each kind that is sized takes: sub-resource, verb.
pub(super) const SCALING: [(&str, &str); 3] = [("", "get"), ("/scale", "get"), ("/scale", "patch")];

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
    rule(Place::Target, "apps", "deployments", "get"),
    rule(Place::Target, "apps", "deployments/scale", "get"),
    rule(Place::Target, "apps", "deployments/scale", "patch"),
    rule(Place::Target, "apps", "statefulsets", "get"),
    rule(Place::Target, "apps", "statefulsets/scale", "get"),
    rule(Place::Target, "apps", "statefulsets/scale", "patch"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What the chart renders with its default values; a test of the chart keeps it current.
    const CHART: &str = include_str!("../../../charts/headroom/tests/golden/default.yaml");
    /// The page that lists the rights.
    const PAGE: &str = include_str!("../../../docs/operations.md");

    type Right = (String, String, String);

    fn right(group: &str, resource: &str, verb: &str) -> Right {
        (group.to_owned(), resource.to_owned(), verb.to_owned())
    }

    fn needed() -> BTreeSet<Right> {
        PERMISSIONS.iter().map(|needed| right(needed.group, needed.resource, needed.verb)).collect()
    }

    /// Values of a line such as `verbs: [get, patch]`.
    fn list(line: &str, field: &str) -> Option<Vec<String>> {
        let values = line.trim_start_matches([' ', '-']).strip_prefix(field)?.strip_prefix(": [")?;
        let values = values.trim_end_matches(']').split(',');
        Some(values.map(|value| value.trim().trim_matches('"').to_owned()).collect())
    }

    #[test]
    fn the_chart_grants_what_is_needed_and_nothing_else() {
        let is_role = |document: &&str| {
            document.contains("\nkind: ClusterRole\n") || document.contains("\nkind: Role\n")
        };
        // Those for people are named so.
        let is_ours =
            |document: &&str| !document.contains("headroom-view\n") && !document.contains("headroom-edit\n");
        let mut granted = BTreeSet::new();
        for role in CHART.split("---\n").filter(is_role).filter(is_ours) {
            let (mut groups, mut resources) = (Vec::new(), Vec::new());
            for line in role.lines() {
                groups = list(line, "apiGroups").unwrap_or(groups);
                resources = list(line, "resources").unwrap_or(resources);
                for verb in list(line, "verbs").unwrap_or_default() {
                    let of = |resource: &String| right(&groups[0], resource, &verb);
                    granted.extend(resources.iter().map(of));
                }
            }
        }
        assert_eq!(granted, needed());
    }

    #[test]
    fn the_page_lists_what_is_needed_and_nothing_else() {
        let section = PAGE.split("## Rights\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let mut listed = BTreeSet::new();
        for line in section.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let group = if cells[1] == "core" { "" } else { cells[1] };
            let verbs = cells[3].split([' ', ',', ';']).filter(|word| VERBS.contains(word));
            for verb in verbs {
                listed.extend(cells[2].split(", ").map(|resource| right(group, resource, verb)));
            }
        }
        assert_eq!(listed, needed());
    }

    const VERBS: [&str; 6] = ["get", "list", "watch", "create", "update", "patch"];
}
