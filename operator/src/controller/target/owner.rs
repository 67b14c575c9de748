//! PURE: whether something else sizes a target.

use headroom_api::{Mode, ScaledService};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;

use crate::controller::findings::{Owner, TargetName};

/// What else sizes the target of `service`, if anything. `autoscalers` and `services` may be of any namespace.
///
/// A KEDA ScaledObject acts through an autoscaler that it owns, and is named instead of it. Of two services with one
/// target the older one has it; of the same age, the first by name. One that is in mode Observe takes nothing.
pub fn other_owner<'a>(
    service: &ScaledService,
    autoscalers: impl IntoIterator<Item = &'a HorizontalPodAutoscaler>,
    services: impl IntoIterator<Item = &'a ScaledService>,
) -> Option<Owner> {
    let (namespace, target) = (service.namespace(), TargetName::of(service));
    let autoscaler = autoscalers
        .into_iter()
        .find(|autoscaler| autoscaler.namespace() == namespace && sizes(autoscaler, &target))
        .map(named);
    let older = || {
        services
            .into_iter()
            .filter(|other| other.namespace() == namespace && other.spec.mode != Mode::Observe)
            .filter(|other| {
                other.name_any() != service.name_any() && same_object(&TargetName::of(other), &target)
            })
            .find(|other| age(other) < age(service))
            .map(|other| Owner { kind: "ScaledService".to_owned(), name: other.name_any() })
    };
    autoscaler.or_else(older)
}

fn sizes(autoscaler: &HorizontalPodAutoscaler, target: &TargetName) -> bool {
    let Some(reference) = autoscaler.spec.as_ref().map(|spec| &spec.scale_target_ref) else { return false };
    let named = TargetName {
        api_version: reference.api_version.clone().unwrap_or_default(),
        kind: reference.kind.clone(),
        name: reference.name.clone(),
    };
    same_object(&named, target)
}

/// Whatever the version: an object has several.
fn same_object(one: &TargetName, other: &TargetName) -> bool {
    one.group() == other.group() && one.kind == other.kind && one.name == other.name
}

fn named(autoscaler: &HorizontalPodAutoscaler) -> Owner {
    let behind = autoscaler.owner_references().iter().find(|owner| owner.kind == "ScaledObject");
    match behind {
        Some(scaled_object) => Owner { kind: scaled_object.kind.clone(), name: scaled_object.name.clone() },
        None => Owner { kind: "HorizontalPodAutoscaler".to_owned(), name: autoscaler.name_any() },
    }
}

fn age(service: &ScaledService) -> (Option<jiff::Timestamp>, String) {
    (service.creation_timestamp().map(|time| time.0), service.name_any())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use serde_json::json;

    fn service(name: &str, target: &str, second: u32, mode: &str) -> ScaledService {
        serde_json::from_value(json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService",
            "metadata": { "name": name, "namespace": "shop",
                          "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z") },
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": target },
                "objectives": { "qps": 10, "latency": [{ "name": "p99", "quantile": "0.99", "threshold": "1s" }] },
                "mode": mode,
            },
        }))
        .unwrap()
    }

    fn autoscaler(namespace: &str, target: &str, owners: serde_json::Value) -> HorizontalPodAutoscaler {
        serde_json::from_value(json!({
            "metadata": { "name": "hpa", "namespace": namespace, "ownerReferences": owners },
            "spec": { "maxReplicas": 3,
                      "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": target } },
        }))
        .unwrap()
    }

    #[test]
    fn an_autoscaler_on_the_same_object_owns_it() {
        let orders = service("a", "orders", 0, "Active");
        let owner = |autoscaler: &HorizontalPodAutoscaler| other_owner(&orders, [autoscaler], [&orders]);
        let named = owner(&autoscaler("shop", "orders", json!([]))).unwrap();
        assert_eq!(named.to_string(), "HorizontalPodAutoscaler/hpa");
        assert_eq!(owner(&autoscaler("shop", "other", json!([]))), None);
        assert_eq!(owner(&autoscaler("elsewhere", "orders", json!([]))), None);
        let keda =
            json!([{ "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "so", "uid": "1" }]);
        assert_eq!(owner(&autoscaler("shop", "orders", keda)).unwrap().to_string(), "ScaledObject/so");
    }

    #[test]
    fn the_older_of_two_services_has_the_target() {
        let (first, second) = (service("z", "orders", 1, "Active"), service("a", "orders", 2, "Active"));
        let twin = service("b", "orders", 2, "Active");
        let all = [&first, &second, &twin];
        assert_eq!(other_owner(&first, [], all), None);
        assert_eq!(other_owner(&second, [], all).unwrap().to_string(), "ScaledService/z");
        assert_eq!(other_owner(&twin, [], [&second, &twin]).unwrap().to_string(), "ScaledService/a");
        let shadow = service("z", "orders", 1, "Observe");
        assert_eq!(other_owner(&second, [], [&shadow, &second]), None, "who observes takes nothing");
    }
}
