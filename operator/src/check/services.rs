//! The services: can their pods be reached, does anything else size them, are they at their limit.

use std::collections::BTreeSet;

use headroom_api::{Mode, ScaledService};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::{Api, Client, Resource, ResourceExt};

use super::conditions;
use super::finding::{Finding, Verdict};
use super::questions::Kind;
use crate::controller::TargetName;
use crate::controller::report::status::SCALED_BY_OTHER;
use crate::controller::target::owner::Owners;
use crate::controller::target::{Scales, Sizing, Writer};

/// Remedy for managers known by name; else the general one.
const MANAGERS: [(&str, &str); 4] = [
    ("helm", "remove spec.replicas from the chart's template"),
    ("argocd", "add the field to ignoreDifferences, or remove spec.replicas from the manifest in Git"),
    ("kustomize-controller", "remove spec.replicas from the manifest in Git"),
    ("kubectl", "don't scale by hand: change minReplicas or maxReplicas, or set spec.mode to Paused"),
];

/// A size set by hand longer ago is no matter any more.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

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
        if let Ok(Sizing::Scales(resource)) = scales.sizing(&TargetName::of(service)).await {
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
    let writer = Scales::new(client.clone()).second_writer(&namespace, &target).await.ok()??;
    let verdict = verdict_on(&writer, service, Timestamp::now())?;
    let manager = &writer.manager;
    let remedy = MANAGERS
        .iter()
        .find(|(name, _)| manager.to_lowercase().contains(name))
        .map_or("remove spec.replicas from what it applies", |(_, remedy)| remedy);
    let message = format!("the field manager {manager:?} sets spec.replicas of {target} too");
    let finding = match verdict {
        Verdict::Failed => Finding::failed("second-writer", message, remedy),
        _ => Finding::warning("second-writer", message, remedy),
    };
    Some(finding)
}

/// A tool writes again. A person who did once, and not just now, is no news: that size was kept for a while, and then
/// went its way.
fn verdict_on(writer: &Writer, service: &ScaledService, now: Timestamp) -> Option<Verdict> {
    let is_recent = |at: Timestamp| now.duration_since(at) <= RECENT;
    let decisions = service.status.iter().flat_map(|status| &status.decisions);
    let again =
        decisions.filter(|change| change.reason == SCALED_BY_OTHER && is_recent(change.at.0)).count() > 1;
    match service.spec.mode {
        _ if writer.by_hand && !again && !writer.at.is_some_and(is_recent) => None,
        Mode::Active if !writer.by_hand || again => Some(Verdict::Failed),
        Mode::Active | Mode::Observe | Mode::Paused => Some(Verdict::Warning),
    }
}

/// The finding, if this namespace does not exist; who may not ask is told nothing.
pub(super) async fn absent(client: &Client, namespace: &str) -> Option<Finding> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let missing = matches!(namespaces.get_metadata_opt(namespace).await, Ok(None));
    let remedy = "correct -n; kubectl get namespaces shows them";
    missing.then(|| Finding::failed("namespace-exists", format!("there is no namespace {namespace}"), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::workload::tests::scripted::{client, status};
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::once_and_long_ago("Active", true, -3600, 1, None)]
    #[case::once_and_just_now("Active", true, -5, 1, Some(Verdict::Warning))]
    #[case::again("Active", true, -5, 2, Some(Verdict::Failed))]
    #[case::a_tool("Active", false, -3600, 0, Some(Verdict::Failed))]
    #[case::a_tool_beside_which_we_observe("Observe", false, -5, 0, Some(Verdict::Warning))]
    fn a_person_who_scaled_once_is_no_second_writer(
        #[case] mode: &str,
        #[case] by_hand: bool,
        #[case] wrote: i64,
        #[case] noticed: usize,
        #[case] verdict: Option<Verdict>,
    ) {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let at = now + SignedDuration::from_secs(wrote);
        let change = json!({ "at": at.to_string(), "from": 3, "to": 7, "reason": SCALED_BY_OTHER });
        let objective = json!({ "name": "p99", "quantile": "0.99", "threshold": "100ms" });
        let service: ScaledService = serde_json::from_value(json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService", "metadata": { "name": "orders" },
            "spec": { "workload": {}, "mode": mode, "objectives": { "qps": 100, "latency": [objective] } },
            "status": { "decisions": vec![change; noticed] },
        }))
        .unwrap();
        let writer = Writer { manager: "kubectl".to_owned(), at: Some(at), by_hand };
        assert_eq!(verdict_on(&writer, &service, now), verdict);
    }

    #[rstest]
    #[case(404, true)]
    #[case(403, false)]
    #[tokio::test]
    async fn a_namespace_that_does_not_exist_is_told(#[case] code: u16, #[case] told: bool) {
        let (client, _) = client(move |_| status(code, "no"));
        let finding = absent(&client, "nosuchns").await;
        assert_eq!(finding.is_some(), told);
        assert!(finding.is_none_or(|finding| finding.message.contains("nosuchns")));
    }

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
