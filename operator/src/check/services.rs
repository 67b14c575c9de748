//! The services: can their pods be reached, does anything else size them, are they at their limit.

use std::collections::BTreeSet;

use headroom_api::{Mode, ScaledService};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::{Api, Client, Resource, ResourceExt};

use super::conditions;
use super::finding::Finding;
use super::questions::Kind;
use crate::controller::TargetName;
use crate::controller::target::Scales;
use crate::controller::target::owner::Owners;

/// Remedy for managers known by name; else the general one.
const MANAGERS: [(&str, &str); 4] = [
    ("helm", "remove spec.replicas from the chart's template"),
    ("argocd", "add the field to ignoreDifferences, or remove spec.replicas from the manifest in Git"),
    ("kustomize-controller", "remove spec.replicas from the manifest in Git"),
    ("kubectl", "don't scale by hand: change minReplicas or maxReplicas, or set spec.mode to Paused"),
];

/// What is in the cluster, to be looked at.
pub(super) struct Lists {
    services: Vec<ScaledService>,
    unread: Vec<InvalidObject>,
    autoscalers: Vec<HorizontalPodAutoscaler>,
}

/// Lists it.
pub(super) async fn listed(client: &Client, namespace: Option<&str>) -> kube::Result<Lists> {
    let all: Api<DeserializeGuard<ScaledService>> = api(client, namespace);
    let autoscalers: Api<HorizontalPodAutoscaler> = api(client, namespace);
    let (mut services, mut unread) = (Vec::new(), Vec::new());
    for service in all.list(&ListParams::default()).await?.items {
        match service.0 {
            Ok(service) => services.push(service),
            Err(invalid) => unread.push(invalid),
        }
    }
    let autoscalers = autoscalers.list(&ListParams::default()).await?.items;
    Ok(Lists { services, unread, autoscalers })
}

/// Which kinds the services size, as far as the cluster knows them; Deployments where nothing is sized yet.
pub(super) async fn kinds(client: &Client, listed: &kube::Result<Lists>) -> Vec<Kind> {
    let services = listed.as_ref().map_or(&[][..], |lists| lists.services.as_slice());
    let (scales, mut kinds) = (Scales::new(client.clone()), BTreeSet::new());
    for service in services {
        if let Ok(Some(resource)) = scales.resource(&TargetName::of(service)).await {
            kinds.insert(Kind { group: resource.group, plural: resource.plural });
        }
    }
    if kinds.is_empty() {
        kinds.insert(Kind::deployments());
    }
    kinds.into_iter().collect()
}

pub(super) async fn check(client: &Client, listed: kube::Result<Lists>) -> Vec<Finding> {
    let Lists { services, unread, autoscalers } = match listed {
        Ok(lists) => lists,
        Err(error) => {
            let remedy = "install the definitions, and run as a user who may list scaledservices and horizontalpodautoscalers";
            return vec![Finding::unknown("services", error.to_string(), remedy)];
        }
    };
    if services.is_empty() && unread.is_empty() {
        return vec![Finding::good("services", "there is none yet: kubectl apply -f examples/first.yaml")];
    }
    let owners = Owners::new(&autoscalers, &services);
    let mut findings: Vec<_> = unread.iter().map(unreadable).collect();
    for service in &services {
        let object = format!("{}/{}", service.namespace().unwrap_or_default(), service.name_any());
        let wrong = of_service(client, service, &owners).await;
        if wrong.is_empty() {
            findings.push(Finding::good("services", "nothing wrong is seen").about(object));
        } else {
            findings.extend(wrong.into_iter().map(|finding| finding.about(object.clone())));
        }
    }
    findings
}

/// The controller can't read it either.
fn unreadable(unread: &InvalidObject) -> Finding {
    let InvalidObject { error, metadata } = unread;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    let message = format!("can't be read, so it is not sized: {error}");
    let remedy = "correct this field, and bring the definitions to the version of the controller";
    Finding::failed("service-readable", message, remedy).about(format!("{namespace}/{name}"))
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace))
}

async fn of_service(client: &Client, service: &ScaledService, owners: &Owners) -> Vec<Finding> {
    let mut findings = conditions::findings(service);
    if service.spec.mode == Mode::Active
        && let Some(owner) = owners.other_than(service)
    {
        let message = format!("{owner} sizes {} too, so Headroom does not", TargetName::of(service));
        // Another service may own the Deployment itself, which would go with it.
        let deleted = if owner.kind == "ScaledService" { "this one".to_owned() } else { owner.to_string() };
        let remedy = format!("delete {deleted} (the size stays), or set spec.mode to Observe");
        findings.push(Finding::failed("target-owner", message, remedy));
    }
    findings.extend(second_writer(client, service).await);
    findings
}

async fn second_writer(client: &Client, service: &ScaledService) -> Option<Finding> {
    let (namespace, target) = (service.namespace()?, TargetName::of(service));
    let manager = Scales::new(client.clone()).second_writer(&namespace, &target).await.ok()??;
    let remedy = MANAGERS
        .iter()
        .find(|(name, _)| manager.to_lowercase().contains(name))
        .map_or("remove spec.replicas from what it applies", |(_, remedy)| remedy);
    let message = format!("the field manager {manager:?} sets spec.replicas of {target} too");
    let finding = match service.spec.mode {
        Mode::Active => Finding::failed("second-writer", message, remedy),
        Mode::Observe | Mode::Paused => Finding::warning("second-writer", message, remedy),
    };
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::controller::workload::tests::scripted::client;
    use serde_json::json;

    #[tokio::test]
    async fn a_service_that_cannot_be_read_is_told() {
        let broken = json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService",
            "metadata": { "name": "orders", "namespace": "shop" }, "spec": { "objectives": "many" },
        });
        let (client, _) = client(move |call| {
            let items = if call.path.ends_with("/scaledservices") { json!([broken]) } else { json!([]) };
            (200, json!({ "metadata": {}, "items": items }))
        });
        let findings = check(&client, listed(&client, None).await).await;
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.check, finding.verdict), ("service-readable", Verdict::Failed));
        assert_eq!(finding.object.as_deref(), Some("shop/orders"));
    }

    #[tokio::test]
    async fn deployments_are_asked_about_where_nothing_is_sized_yet() {
        let (client, _) = client(|_| (200, json!({ "metadata": {}, "items": [] })));
        let listed = listed(&client, None).await;
        assert_eq!(kinds(&client, &listed).await, [Kind::deployments()]);
    }
}
