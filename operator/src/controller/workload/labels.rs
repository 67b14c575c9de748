//! Labels of the objects and of the pods.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Names the service that an object belongs to. The selector is made of this label alone: a selector can't be changed
/// later.
pub const SERVICE: &str = "headroom.dev/service";

const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "headroom");

type Labels = BTreeMap<String, String>;

/// What selects the pods of a service.
pub fn selecting(service: &str) -> Labels {
    Labels::from([(SERVICE.to_owned(), service.to_owned())])
}

/// The same, as Deployments and budgets write it.
pub fn selector(service: &str) -> LabelSelector {
    LabelSelector { match_labels: Some(selecting(service)), ..LabelSelector::default() }
}

/// Labels of every object of a service.
pub fn of_objects(service: &str) -> Labels {
    let recommended = [
        ("app.kubernetes.io/name", "headroom-workload"),
        ("app.kubernetes.io/instance", service),
        MANAGED_BY,
        (SERVICE, service),
    ];
    recommended.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Whether an object that nothing controls is marked as this service's.
pub fn claimed(labels: Option<&Labels>, service: &str) -> bool {
    let has = |(key, value): (&str, &str)| {
        labels.is_some_and(|labels| labels.get(key).is_some_and(|found| found == value))
    };
    has(MANAGED_BY) && has((SERVICE, service))
}

/// The labels that do so, as `kubectl label` takes them.
pub fn claim(service: &str) -> String {
    let (key, value) = MANAGED_BY;
    format!("{key}={value} {SERVICE}={service}")
}

/// Labels of its pods: the user's too. Ours win, or the pods would not be found.
pub fn of_pods(service: &str, users: &Labels) -> Labels {
    let mut labels = users.clone();
    labels.extend(of_objects(service));
    labels
}
