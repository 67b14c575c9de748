//! PURE: whether something else sizes a target.

use std::collections::BTreeMap;

use headroom_api::{Mode, ScaledService};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::ResourceExt;

use crate::controller::findings::{Owner, TargetName};

/// Who sizes what. Made once for all services: each of them would otherwise have to look at all others.
///
/// A KEDA `ScaledObject` acts through an autoscaler that it owns, and is named instead of it. Of two services with one
/// target the older one has it; of the same age, the first by name. One that is in mode Observe takes nothing.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    autoscalers: BTreeMap<Object, Owner>,
    /// The oldest of those with one target.
    services: BTreeMap<Object, Age>,
}

/// Namespace, group, kind and name: an object has several versions and is one all the same.
type Object = [String; 4];

/// The lesser one is older. The name is part of it.
type Age = (Option<jiff::Timestamp>, String);

impl Owners {
    /// Of what is there, in any namespaces.
    pub fn new<'a>(
        autoscalers: impl IntoIterator<Item = &'a HorizontalPodAutoscaler>,
        services: impl IntoIterator<Item = &'a ScaledService>,
    ) -> Self {
        let mut owners = Self::default();
        for autoscaler in autoscalers {
            if let Some(sized) = sized(autoscaler) {
                owners.autoscalers.entry(sized).or_insert_with(|| named(autoscaler));
            }
        }
        for service in services.into_iter().filter(|service| service.spec.mode != Mode::Observe) {
            let age = age(service);
            let oldest = owners.services.entry(target(service)).or_insert_with(|| age.clone());
            if age < *oldest {
                *oldest = age;
            }
        }
        owners
    }

    /// What else sizes the target of `service`, if anything.
    pub fn other_than(&self, service: &ScaledService) -> Option<Owner> {
        let target = target(service);
        let older = || {
            let oldest = self.services.get(&target).filter(|oldest| **oldest < age(service))?;
            Some(Owner { kind: "ScaledService".to_owned(), name: oldest.1.clone() })
        };
        self.autoscalers.get(&target).cloned().or_else(older)
    }
}

fn target(service: &ScaledService) -> Object {
    object(service.namespace(), TargetName::of(service))
}

fn sized(autoscaler: &HorizontalPodAutoscaler) -> Option<Object> {
    let reference = &autoscaler.spec.as_ref()?.scale_target_ref;
    let target = TargetName {
        api_version: reference.api_version.clone().unwrap_or_default(),
        kind: reference.kind.clone(),
        name: reference.name.clone(),
    };
    Some(object(autoscaler.namespace(), target))
}

fn object(namespace: Option<String>, target: TargetName) -> Object {
    [namespace.unwrap_or_default(), target.group().to_owned(), target.kind, target.name]
}

fn named(autoscaler: &HorizontalPodAutoscaler) -> Owner {
    let behind = autoscaler.owner_references().iter().find(|owner| owner.kind == "ScaledObject");
    match behind {
        Some(scaled_object) => Owner { kind: scaled_object.kind.clone(), name: scaled_object.name.clone() },
        None => Owner { kind: "HorizontalPodAutoscaler".to_owned(), name: autoscaler.name_any() },
    }
}

fn age(service: &ScaledService) -> Age {
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

    fn autoscaler(namespace: &str, target: &str, owners: &serde_json::Value) -> HorizontalPodAutoscaler {
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
        let owner =
            |autoscaler: &HorizontalPodAutoscaler| Owners::new([autoscaler], [&orders]).other_than(&orders);
        let named = owner(&autoscaler("shop", "orders", &json!([]))).unwrap();
        assert_eq!(named.to_string(), "HorizontalPodAutoscaler/hpa");
        assert_eq!(owner(&autoscaler("shop", "other", &json!([]))), None);
        assert_eq!(owner(&autoscaler("elsewhere", "orders", &json!([]))), None);
        let keda =
            json!([{ "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "so", "uid": "1" }]);
        assert_eq!(owner(&autoscaler("shop", "orders", &keda)).unwrap().to_string(), "ScaledObject/so");
    }

    #[test]
    fn the_older_of_two_services_has_the_target() {
        let (first, second) = (service("z", "orders", 1, "Active"), service("a", "orders", 2, "Active"));
        let twin = service("b", "orders", 2, "Active");
        let all = Owners::new([], [&second, &first, &twin]);
        assert_eq!(all.other_than(&first), None);
        assert_eq!(all.other_than(&second).unwrap().to_string(), "ScaledService/z");
        let twins = Owners::new([], [&second, &twin]);
        assert_eq!(twins.other_than(&twin).unwrap().to_string(), "ScaledService/a");
        let shadow = service("z", "orders", 1, "Observe");
        let beside = Owners::new([], [&shadow, &second]);
        assert_eq!(beside.other_than(&second), None, "who observes takes nothing");
    }
}
