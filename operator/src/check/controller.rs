//! The controller: does it run, does one of its replicas lead, may it do what it must.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use tokio::time::sleep;

use super::finding::Finding;
use super::installed::{Installation, controllers};
use super::questions::{Kind, Question, questions};

/// Questions under way at once: with many namespaces there are many.
const AT_ONCE: usize = 8;
/// A leader renews its lease at least so often.
const RENEWED_WITHIN: Duration = Duration::from_secs(12);

/// `kinds`: what the services size.
pub(super) async fn check(client: &Client, namespace: &str, kinds: &[Kind]) -> Vec<Finding> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pods = match pods.list(&ListParams::default()).await {
        Ok(pods) => controllers(pods.items),
        Err(error) => {
            let remedy = format!("run as a user who may list pods in namespace {namespace}");
            return vec![Finding::unknown("controller-running", error.to_string(), remedy)];
        }
    };
    let Some(installation) = Installation::read(&pods) else {
        let message = format!("no pod in namespace {namespace} runs `headroom controller`");
        let remedy = "helm install, or name the namespace with --controller-namespace";
        return vec![Finding::failed("controller-running", message, remedy)];
    };
    let mut findings = vec![running(&pods), leader(client, namespace, &installation.lease).await];
    findings.extend(allowed(client, namespace, &installation, kinds).await);
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
async fn leader(client: &Client, namespace: &str, lease: &str) -> Finding {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let mut first: Option<Lease> = None;
    let began = tokio::time::Instant::now();
    while began.elapsed() < RENEWED_WITHIN {
        match leases.get_opt(lease).await {
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
            Ok(Some(found)) => match &first {
                Some(before) if before.resource_version() != found.resource_version() => {
                    let holder = found.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
                    return Finding::good("controller-leader", format!("{holder} leads"));
                }
                Some(_) => {}
                None => first = Some(found),
            },
        }
        sleep(Duration::from_millis(500)).await;
    }
    let message =
        format!("nobody renewed Lease {lease} within {} s: sizes are not written", RENEWED_WITHIN.as_secs());
    Finding::failed("controller-leader", message, "look at the controller's pods and logs")
}

/// Whether the controller's account may do what the controller does.
async fn allowed(
    client: &Client,
    namespace: &str,
    installation: &Installation,
    kinds: &[Kind],
) -> Vec<Finding> {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let user = format!("system:serviceaccount:{namespace}:{}", installation.account);
    let questions = questions(installation, namespace, kinds);
    let ask = |question: Question| {
        let review = SubjectAccessReview {
            spec: question.asked(installation, &user),
            ..SubjectAccessReview::default()
        };
        let reviews = reviews.clone();
        async move { (question, reviews.create(&PostParams::default(), &review).await) }
    };
    let count = questions.len();
    let mut answers = stream::iter(questions.into_iter().map(ask)).buffered(AT_ONCE);
    let mut findings = Vec::new();
    while let Some((question, answer)) = answers.next().await {
        match answer {
            Err(error) => {
                let remedy = "run as a user who may create subjectaccessreviews";
                return vec![Finding::unknown("controller-permissions", error.to_string(), remedy)];
            }
            Ok(review) if review.status.as_ref().is_some_and(|status| status.allowed) => {}
            Ok(_) => findings.push(question.refused(&user)),
        }
    }
    if findings.is_empty() {
        let message = format!("{user} may do all {count} things it needs");
        findings.push(Finding::good("controller-permissions", message));
    }
    findings
}
