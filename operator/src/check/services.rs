//! The services: can their pods be reached, does anything else size them, are they at their limit.

use headroom_api::conditions::{ConditionType, Reason};
use headroom_api::{Mode, ScaledService};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};

use super::finding::Finding;
use crate::controller::TargetName;
use crate::controller::target::Scales;
use crate::controller::target::owner::other_owner;

/// Remedy for managers known by name; else the general one.
const MANAGERS: [(&str, &str); 4] = [
    ("helm", "remove spec.replicas from the chart's template"),
    ("argocd", "add the field to ignoreDifferences, or remove spec.replicas from the manifest in Git"),
    ("kustomize-controller", "remove spec.replicas from the manifest in Git"),
    ("kubectl", "don't scale by hand: change minReplicas or maxReplicas, or set spec.mode to Paused"),
];

pub(super) async fn check(client: &Client, namespace: Option<&str>) -> Vec<Finding> {
    let (services, autoscalers) = match listed(client, namespace).await {
        Ok(lists) => lists,
        Err(error) => {
            let remedy = "install the definitions, and run as a user who may list scaledservices and horizontalpodautoscalers";
            return vec![Finding::unknown("services", error.to_string(), remedy)];
        }
    };
    if services.is_empty() {
        return vec![Finding::good("services", "there is none yet: kubectl apply -f examples/first.yaml")];
    }
    let mut findings = Vec::new();
    for service in &services {
        let object = format!("{}/{}", service.namespace().unwrap_or_default(), service.name_any());
        let wrong = of_service(client, service, &services, &autoscalers).await;
        if wrong.is_empty() {
            findings.push(Finding::good("services", "nothing wrong is seen").about(object));
        } else {
            findings.extend(wrong.into_iter().map(|finding| finding.about(object.clone())));
        }
    }
    findings
}

type Lists = (Vec<ScaledService>, Vec<HorizontalPodAutoscaler>);

async fn listed(client: &Client, namespace: Option<&str>) -> kube::Result<Lists> {
    let services: Api<DeserializeGuard<ScaledService>> = api(client, namespace);
    let autoscalers: Api<HorizontalPodAutoscaler> = api(client, namespace);
    let all = ListParams::default();
    let services = services.list(&all).await?.items.into_iter().filter_map(|service| service.0.ok());
    Ok((services.collect(), autoscalers.list(&all).await?.items))
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace))
}

async fn of_service(
    client: &Client,
    service: &ScaledService,
    services: &[ScaledService],
    autoscalers: &[HorizontalPodAutoscaler],
) -> Vec<Finding> {
    let mut findings = from_conditions(service);
    if service.spec.mode == Mode::Active
        && let Some(owner) = other_owner(service, autoscalers, services)
    {
        let message = format!("{owner} sizes {} too, so Headroom does not", TargetName::of(service));
        let remedy = format!("delete {owner} (the size stays), or set spec.mode to Observe");
        findings.push(Finding::failed("target-owner", message, remedy));
    }
    findings.extend(second_writer(client, service).await);
    findings
}

async fn second_writer(client: &Client, service: &ScaledService) -> Option<Finding> {
    let (namespace, target) = (service.namespace()?, TargetName::of(service));
    let manager = Scales::new(client.clone()).other_writer(&namespace, &target).await.ok()??;
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

/// What the controller itself has said.
fn from_conditions(service: &ScaledService) -> Vec<Finding> {
    let conditions = service.status.iter().flat_map(|status| &status.conditions);
    let mut findings: Vec<_> = conditions.filter_map(from_condition).collect();
    if service.status.is_none() {
        let remedy = "does the controller watch this namespace (watchNamespaces), and does it run?";
        findings.push(Finding::failed("service-seen", "the controller has never looked at it", remedy));
    }
    findings
}

fn from_condition(condition: &Condition) -> Option<Finding> {
    let is = |kind: ConditionType, status: &str| condition.type_ == kind.name() && condition.status == status;
    let message = condition.message.clone();
    if is(ConditionType::EvidenceFresh, "False") {
        let remedy = "let the controller reach the pods' admin port (9090, or what the annotation \
                      headroom.dev/admin-port says): look at NetworkPolicies, and whether the port answers /stats";
        return Some(Finding::failed("admin-port", message, remedy));
    }
    if is(ConditionType::Limited, "True") && condition.reason == Reason::TooManyReplicas.name() {
        return Some(Finding::warning("at-maximum", message, "raise spec.maxReplicas, or accept the limit"));
    }
    if is(ConditionType::AbleToScale, "False") {
        return Some(Finding::failed("able-to-scale", message, "see the message"));
    }
    None
}
