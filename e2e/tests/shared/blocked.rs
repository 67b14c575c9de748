//! Pods that can't come: a revision that crashes, a node that is not there, a quota.

use std::time::Duration;

use headroom_e2e::suite::{Load, Namespace, Plan, controller, kubectl_with_input, stays};
use serde_json::json;

const PODS: Duration = Duration::from_secs(90);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_crash_looping_revision_is_named_and_not_multiplied() {
    controller().unwrap();
    let place = Namespace::new("crash").unwrap();
    let mut plan = Plan::new("web");
    let service = plan.apply(place.name()).unwrap();
    service.until_ready(2, PODS).unwrap();
    // A flag's environment variable that the server refuses at its start.
    let env = json!([{ "name": "HEADROOM_WORKLOAD_BODY_LIMIT", "value": "nonsense" }]);
    plan.more = json!({ "spec": { "workload": { "pod": { "env": env } } } });
    plan.apply(place.name()).unwrap();
    let message = service.until_reason("ScaleUpBlocked", "CrashLooping", PODS).unwrap();
    println!("{message}");
    let size = service.size().unwrap();
    stays("the old pods and the size", Duration::from_secs(15), || {
        Ok(service.size()? <= size && service.ready()? >= 2)
    })
    .unwrap();
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn pods_without_a_node_and_pods_beyond_a_quota_are_named() {
    controller().unwrap();
    let place = Namespace::new("pending").unwrap();
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "few", "namespace": place.name() },
                        "spec": { "hard": { "pods": "6" } } });
    kubectl_with_input(&["apply", "-f", "-"], &quota.to_string()).unwrap();
    let selector =
        json!({ "spec": { "workload": { "pod": { "nodeSelector": { "example.com/no-such": "node" } } } } });
    let nowhere = Plan { more: selector, ..Plan::new("nowhere") }.apply(place.name()).unwrap();
    let message = nowhere.until_reason("ScaleUpBlocked", "PodsPending", PODS).unwrap();
    println!("{message}");

    let service = Plan::new("web").apply(place.name()).unwrap();
    service.until_ready(2, PODS).unwrap();
    // Two of the six are taken by the pods that wait for a node, one by the load.
    let load = Load::steps("load", "60s@900").start(place.name(), &service.url().unwrap()).unwrap();
    let message = service.until_reason("ScaleUpBlocked", "QuotaExceeded", Duration::from_secs(60)).unwrap();
    assert!(message.contains("quota"), "{message}");
    let asked = service.size().unwrap();
    assert!(asked <= 8, "{asked} pods are asked for, more than 900/s need");
    load.stop().unwrap();
}
