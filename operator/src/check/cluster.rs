//! The cluster: its version, our definitions in it.

use anyhow::Context as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};
use serde_json::Value;

use super::finding::Finding;
use super::schema::first_missing;

/// Oldest minor version of Kubernetes 1 that works.
const OLDEST: u32 = 30;

pub(super) async fn check(client: &Client, pre: bool) -> anyhow::Result<Vec<Finding>> {
    let version = client.apiserver_version().await.context("the API server does not answer")?;
    let mut findings = vec![version_of(&version.major, &version.minor, &version.git_version)];
    findings.extend(definitions(client, pre).await?);
    Ok(findings)
}

fn version_of(major: &str, minor: &str, name: &str) -> Finding {
    let minor: u32 = minor.trim_end_matches('+').parse().unwrap_or_default();
    if major == "1" && minor < OLDEST {
        let remedy = format!("upgrade the cluster to 1.{OLDEST} or later");
        return Finding::failed("cluster-version", format!("Kubernetes {name} is too old"), remedy);
    }
    Finding::good("cluster-version", format!("Kubernetes {name}"))
}

async fn definitions(client: &Client, pre: bool) -> anyhow::Result<Vec<Finding>> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut findings = Vec::new();
    for ours in headroom_api::definitions()? {
        let name = ours["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let found = match api.get_opt(&name).await {
            Ok(found) => found,
            Err(error) => {
                let remedy = "run as a user who may get customresourcedefinitions";
                findings.push(Finding::unknown("crd-current", error.to_string(), remedy).about(name));
                continue;
            }
        };
        let finding = match found {
            None if pre => Finding::good("crd-current", "not installed yet"),
            None => Finding::failed("crd-current", "is not installed", REMEDY),
            Some(theirs) => compared(&ours, &serde_json::to_value(theirs)?),
        };
        findings.push(finding.about(name));
    }
    Ok(findings)
}

const REMEDY: &str =
    "helm upgrade with crds.enabled=true, or: headroom crds | kubectl apply --server-side -f -";

fn compared(ours: &Value, theirs: &Value) -> Finding {
    let schema = |crd: &Value| crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    match first_missing(&schema(ours), &schema(theirs)) {
        Some(field) => {
            let message = format!(
                "is older than this binary: it lacks the field {field}, which the API server would drop"
            );
            Finding::failed("crd-current", message, REMEDY)
        }
        None => Finding::good("crd-current", "knows every field of this binary"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use rstest::rstest;

    #[rstest]
    #[case("1", "34", Verdict::Good)]
    #[case("1", "30+", Verdict::Good)]
    #[case("1", "29", Verdict::Failed)]
    fn old_clusters_are_refused(#[case] major: &str, #[case] minor: &str, #[case] verdict: Verdict) {
        assert_eq!(version_of(major, minor, "v").verdict, verdict);
    }

    #[test]
    fn an_older_definition_is_noticed() {
        let ours = headroom_api::definitions().unwrap().remove(0);
        assert_eq!(compared(&ours, &ours).verdict, Verdict::Good);
        let mut older = ours.clone();
        let fields = &mut older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
        fields.as_object_mut().unwrap().remove("mode");
        let finding = compared(&ours, &older);
        assert_eq!(finding.verdict, Verdict::Failed);
        assert!(finding.message.contains("spec.mode"), "{}", finding.message);
    }
}
