//! PURE: what the controller itself has said of a service.

use headroom_api::ScaledService;
use headroom_api::conditions::{ConditionType, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::finding::{Finding, Verdict};

/// What its conditions say is wrong.
pub(super) fn findings(service: &ScaledService) -> Vec<Finding> {
    let Some(status) = &service.status else {
        let remedy = "does the controller watch this namespace (watchNamespaces), and does it run?";
        return vec![Finding::failed("service-seen", "the controller has never looked at it", remedy)];
    };
    let mut findings: Vec<_> = status.conditions.iter().filter_map(finding).collect();
    // A reason of its own says more.
    if !findings.iter().any(|finding| finding.verdict == Verdict::Failed) {
        findings.extend(status.conditions.iter().find_map(not_ready));
    }
    findings
}

fn finding(condition: &Condition) -> Option<Finding> {
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
    if is(ConditionType::ScaleUpBlocked, "True") {
        let remedy = "remove what keeps new pods from serving: kubectl describe pods shows it";
        return Some(Finding::failed("scale-up-blocked", message, remedy));
    }
    if is(ConditionType::Feasible, "False") {
        let remedy = if condition.reason == Reason::QueueDelayTooLong.name() {
            "lower spec.workload.config.queueDelay, or leave it out"
        } else {
            "raise spec.maxReplicas, promise less in spec.objectives, or make each pod hold more"
        };
        return Some(Finding::warning("feasible", message, remedy));
    }
    if is(ConditionType::ObjectiveMet, "False") {
        let remedy =
            "new pods may be on their way; if it lasts, look at .status.decisions and the other conditions";
        return Some(Finding::warning("objective-met", message, remedy));
    }
    None
}

/// An owner of the target is told from what is in the cluster now.
fn not_ready(condition: &Condition) -> Option<Finding> {
    let is_false = condition.type_ == ConditionType::Ready.name() && condition.status == "False";
    let told = condition.reason == Reason::TargetOwned.name();
    (is_false && !told)
        .then(|| Finding::failed("service-ready", condition.message.clone(), "see the message"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn service(conditions: &[(&str, &str, &str)]) -> ScaledService {
        let condition = |(kind, status, reason): &(&str, &str, &str)| {
            json!({ "type": kind, "status": status, "reason": reason, "message": "so it is",
                    "lastTransitionTime": "2026-01-01T00:00:00Z" })
        };
        let objective = json!({ "name": "p99", "quantile": "0.99", "threshold": "100ms" });
        serde_json::from_value(json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService", "metadata": { "name": "orders" },
            "spec": { "workload": {}, "objectives": { "qps": 100, "latency": [objective] } },
            "status": { "conditions": conditions.iter().map(condition).collect::<Vec<_>>() },
        }))
        .unwrap()
    }

    #[rstest]
    #[case::well(&[("Ready", "True", "Holding"), ("ScaleUpBlocked", "False", "PodsArriving")], &[])]
    #[case::refused(&[("Ready", "False", "WriteFailed"), ("Stalled", "True", "WriteFailed")], &["service-ready"])]
    #[case::told_elsewhere(&[("Ready", "False", "TargetOwned")], &[])]
    #[case::silent(&[("Ready", "False", "NoEvidence"), ("EvidenceFresh", "False", "EvidenceAbsent")], &["admin-port"])]
    #[case::blocked(&[("Ready", "True", "Holding"), ("ScaleUpBlocked", "True", "CrashLooping")], &["scale-up-blocked"])]
    #[case::infeasible(&[("Feasible", "False", "MaxReplicasTooLow")], &["feasible"])]
    #[case::late(&[("ObjectiveMet", "False", "LatencyAboveObjective")], &["objective-met"])]
    fn what_is_wrong_is_told_once(#[case] conditions: &[(&str, &str, &str)], #[case] checks: &[&str]) {
        let found: Vec<_> = findings(&service(conditions)).iter().map(|finding| finding.check).collect();
        assert_eq!(found, checks);
    }
}
