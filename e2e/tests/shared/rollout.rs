//! A change of the pods, and a node that is emptied: no request fails, and the size stays what it was.

use std::time::Duration;

use headroom_e2e::suite::{
    Audit, Load, Namespace, Plan, ScaledService, controller, kubectl, object, objects, until,
};
use headroom_load::report::Summary;
use serde_json::{Value, json};

const PODS: Duration = Duration::from_secs(90);

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_rolling_update_fails_no_request_and_keeps_the_size() {
    controller().unwrap();
    let place = Namespace::new("roll").unwrap();
    let mut plan = Plan { down_window: 3600, ..Plan::new("web") }.patient();
    let service = plan.apply(place.name()).unwrap();
    service.until_ready(2, PODS).unwrap();
    kubectl(&["-n", place.name(), "scale", "deployment/web", "--replicas=7"]).unwrap();
    service.until_ready(7, PODS).unwrap();
    let mut audit = Audit::from_now().unwrap();

    let load = Load::steps("load", "75s@200").start(place.name(), &service.url().unwrap()).unwrap();
    let connecting = Load { new_connections: true, ..Load::steps("connecting", "75s@20") };
    let connecting = connecting.start(place.name(), &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    let old = revisions(&service);
    plan.more["spec"]["workload"]["pod"] = json!({ "annotations": { "example.com/round": "2" } });
    plan.apply(place.name()).unwrap();
    until("only new pods", Duration::from_secs(100), || {
        let now = revisions(&service);
        let ready = service.ready()?;
        Ok((now.len() == 1 && now != old && ready >= 7).then_some(()))
    })
    .unwrap();
    assert_eq!(service.size().unwrap(), 7, "a template change keeps the size");
    nothing_failed(&load.summary(PODS * 2).unwrap(), "the rolling update");
    nothing_failed_in_few(&connecting.summary(PODS * 2).unwrap(), "the rolling update");
    assert_eq!(audit.sizes(place.name()).unwrap(), [], "nobody wrote a size");
    let deployment = object(place.name(), "deployments", "web").unwrap().unwrap();
    let managers = deployment["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let ours =
        managers.iter().filter(|entry| entry["manager"] == "headroom" && entry["operation"] == "Apply");
    assert!(
        ours.clone().all(|entry| entry["fieldsV1"].pointer("/f:spec/f:replicas").is_none()),
        "spec.replicas is in the applied object"
    );
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn draining_a_node_fails_no_request() {
    controller().unwrap();
    let place = Namespace::new("drain").unwrap();
    let plan = Plan { replicas: (4, 8), ..Plan::new("web") }.patient();
    let service = plan.apply(place.name()).unwrap();
    service.until_ready(4, PODS).unwrap();
    let nodes = objects("default", "nodes", None).unwrap();
    let node = nodes.last().unwrap()["metadata"]["name"].as_str().unwrap().to_owned();
    let on_node = |pods: Vec<Value>| pods.iter().filter(|pod| pod["spec"]["nodeName"] == *node).count();
    assert!(on_node(service.pods().unwrap()) > 0, "the pods are not spread over the nodes");

    let load = Load::steps("load", "60s@200").start(place.name(), &service.url().unwrap()).unwrap();
    load.until_running().unwrap();
    // Only this test's pods go: the others' tests go on, on both nodes.
    let evicted = evict_from(&service, place.name(), &node);
    assert!(evicted > 0);
    let load = load.summary(PODS * 2).unwrap();
    nothing_failed(&load, "the drain");
}

/// What `kubectl drain` does, for the pods of one service: no new pods on the node, and an eviction each, as the
/// disruption budget lets it.
fn evict_from(service: &ScaledService, namespace: &str, node: &str) -> usize {
    kubectl(&["taint", "nodes", node, &format!("{namespace}=drain:NoSchedule")]).unwrap();
    let pods: Vec<_> =
        service.pods().unwrap().into_iter().filter(|pod| pod["spec"]["nodeName"] == *node).collect();
    for pod in &pods {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": name, "namespace": namespace } });
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
        until("the budget to allow an eviction", Duration::from_secs(60), || {
            headroom_e2e::suite::kubectl_with_input(
                &["create", "--raw", &path, "-f", "-"],
                &eviction.to_string(),
            )?;
            Ok(Some(()))
        })
        .unwrap();
    }
    kubectl(&["taint", "nodes", node, &format!("{namespace}-")]).unwrap();
    pods.len()
}

fn revisions(service: &ScaledService) -> std::collections::BTreeSet<String> {
    let pods = service.pods().unwrap();
    pods.iter()
        .filter_map(|pod| Some(pod["metadata"]["labels"]["pod-template-hash"].as_str()?.to_owned()))
        .collect()
}

fn nothing_failed(summary: &Summary, during: &str) {
    assert!(summary.counts.intended >= 10_000, "too few requests to say so: {}", summary.counts.intended);
    nothing_failed_in_few(summary, during);
}

fn nothing_failed_in_few(summary: &Summary, during: &str) {
    assert_eq!(summary.counts.failed.total, 0, "requests failed in {during}: {:?}", summary.counts.failed);
}
