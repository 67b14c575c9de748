//! The controller: does it run, does one of its replicas lead, may it do what it must.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use tokio::time::sleep;

use super::finding::Finding;
use super::permissions::{PERMISSIONS, Permission, Place};

/// Label of the controller's pods, as the chart sets it.
const PODS: &str = "app.kubernetes.io/name=headroom";
/// The Lease, as the chart names it for a release named headroom.
const LEASE: &str = "headroom";
/// A leader renews its lease at least so often.
const RENEWED_WITHIN: Duration = Duration::from_secs(12);

pub(super) async fn check(client: &Client, namespace: &str) -> Vec<Finding> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pods = match pods.list(&ListParams::default().labels(PODS)).await {
        Ok(pods) => pods.items,
        Err(error) => {
            let remedy = format!("run as a user who may list pods in namespace {namespace}");
            return vec![Finding::unknown("controller-running", error.to_string(), remedy)];
        }
    };
    let Some(account) = pods.iter().find_map(|pod| pod.spec.as_ref()?.service_account_name.clone()) else {
        let message = format!("no pod with the label {PODS} in namespace {namespace}");
        let remedy = "helm install, or name the namespace with --controller-namespace";
        return vec![Finding::failed("controller-running", message, remedy)];
    };
    let mut findings = vec![running(&pods), leader(client, namespace).await];
    findings.extend(allowed(client, namespace, &account).await);
    findings
}

fn running(pods: &[Pod]) -> Finding {
    let ready = |pod: &&Pod| {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    };
    let (ready, all) = (pods.iter().filter(ready).count(), pods.len());
    let message = format!("{ready} of {all} pods are ready");
    match ready {
        0 => Finding::failed("controller-running", message, "look at the pods' logs and events"),
        _ if ready < all => {
            Finding::warning("controller-running", message, "look at the pods' logs and events")
        }
        _ => Finding::good("controller-running", message),
    }
}

/// Whether somebody renews the lease while we look; nobody's clock has to be believed.
async fn leader(client: &Client, namespace: &str) -> Finding {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let mut first: Option<Lease> = None;
    let began = tokio::time::Instant::now();
    while began.elapsed() < RENEWED_WITHIN {
        match leases.get_opt(LEASE).await {
            Err(error) => {
                return Finding::unknown(
                    "controller-leader",
                    error.to_string(),
                    "run as a user who may get leases",
                );
            }
            Ok(None) => {
                return Finding::failed(
                    "controller-leader",
                    "no replica has ever led",
                    "look at the controller's logs",
                );
            }
            Ok(Some(lease)) => match &first {
                Some(before) if before.resource_version() != lease.resource_version() => {
                    let holder = lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
                    return Finding::good("controller-leader", format!("{holder} leads"));
                }
                Some(_) => {}
                None => first = Some(lease),
            },
        }
        sleep(Duration::from_millis(500)).await;
    }
    let message =
        format!("nobody renewed the lease within {} s: sizes are not written", RENEWED_WITHIN.as_secs());
    Finding::failed("controller-leader", message, "look at the controller's pods and logs")
}

/// Whether the controller's account may do what the controller does.
async fn allowed(client: &Client, namespace: &str, account: &str) -> Vec<Finding> {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let mut findings = Vec::new();
    for permission in PERMISSIONS {
        let review =
            SubjectAccessReview { spec: asked(permission, namespace, account, &user), ..Default::default() };
        match reviews.create(&PostParams::default(), &review).await {
            Err(error) => {
                let remedy = "run as a user who may create subjectaccessreviews";
                return vec![Finding::unknown("controller-permissions", error.to_string(), remedy)];
            }
            Ok(review) if review.status.as_ref().is_some_and(|status| status.allowed) => {}
            Ok(_) => findings.push(refused(permission, &user)),
        }
    }
    if findings.is_empty() {
        let message = format!("{user} may do all {} things it needs", PERMISSIONS.len());
        findings.push(Finding::good("controller-permissions", message));
    }
    findings
}

fn asked(permission: Permission, namespace: &str, account: &str, user: &str) -> SubjectAccessReviewSpec {
    let (resource, subresource) = match permission.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (permission.resource, None),
    };
    // Both are granted for one object alone; creating a lease can't be, for it has no name yet.
    let name = match (resource, permission.verb) {
        ("serviceaccounts", _) => Some(account.to_owned()),
        ("leases", "get" | "update") => Some(LEASE.to_owned()),
        _ => None,
    };
    SubjectAccessReviewSpec {
        user: Some(user.to_owned()),
        resource_attributes: Some(ResourceAttributes {
            group: Some(permission.group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource,
            verb: Some(permission.verb.to_owned()),
            namespace: (permission.place == Place::Own).then(|| namespace.to_owned()),
            name,
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    }
}

fn refused(permission: Permission, user: &str) -> Finding {
    let Permission { place, group, resource, verb } = permission;
    let group = if group.is_empty() { "core" } else { group };
    let (consequence, value) = match place {
        Place::Watched => ("services are not sized", "helm upgrade: the chart grants it"),
        Place::Own => {
            ("no replica can lead, or workers can't be changed", "helm upgrade: the chart grants it")
        }
        Place::Workload => ("bundled workloads are not kept", "helm upgrade with workload.enabled=true"),
    };
    let message = format!("{user} may not {verb} {resource} ({group}) in all namespaces: {consequence}");
    let remedy =
        format!("{value}; with watchNamespaces set the permission exists only there, and that is fine");
    Finding::failed("controller-permissions", message, remedy)
}
