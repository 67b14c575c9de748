//! Objects that the API server refuses, each with a message that names the field and what to do.

use headroom_e2e::suite::{Namespace, Plan, controller, kubectl_with_input};
use serde_json::{Value, json};

/// What is wrong, merged over a good object, and what the message must say.
fn table() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let spec = |value: Value| json!({ "spec": value });
    let workload = |value: Value| json!({ "spec": { "workload": value } });
    let pod = |value: Value| json!({ "spec": { "workload": { "pod": value } } });
    let objectives = |value: Value| json!({ "spec": { "objectives": value } });
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
    let p99 = |threshold: &str| json!([{ "name": "p99", "quantile": "0.99", "threshold": threshold }]);
    let quantile =
        |text: &str| objectives(json!({ "latency": [{ "name": "a", "quantile": text, "threshold": "1s" }] }));
    vec![
        ("no objectives", spec(json!({ "objectives": null })), &["objectives"]),
        ("no latency", objectives(json!({ "latency": [] })), &["latency"]),
        ("qps of zero", objectives(json!({ "qps": 0 })), &["qps"]),
        ("qps as text", objectives(json!({ "qps": "many" })), &["qps"]),
        ("qps too large", objectives(json!({ "qps": 1_000_000_000_000_i64 })), &["qps"]),
        ("threshold without unit", objectives(json!({ "latency": p99("50") })), &["threshold", "\"50ms\""]),
        ("threshold of zero", objectives(json!({ "latency": p99("0ms") })), &["threshold"]),
        ("quantile above 1", quantile("1.5"), &["quantile", "between 0 and 1", "\"0.99\""]),
        ("quantile in percent", quantile("99"), &["quantile", "between 0 and 1", "\"0.99\""]),
        ("quantile by its name", quantile("p99"), &["quantile", "between 0 and 1", "\"0.99\""]),
        (
            "quantile as number",
            objectives(json!({ "latency": [{ "name": "a", "quantile": 0.99, "threshold": "1s" }] })),
            &["quantile"],
        ),
        (
            "latency twice",
            objectives(json!({ "latency": [
            { "name": "a", "quantile": "0.99", "threshold": "1s" }, { "name": "a", "quantile": "0.5", "threshold": "1s" }] })),
            &["latency"],
        ),
        (
            "availability above 100",
            objectives(json!({ "availability": "100.5" })),
            &["availability", "\"99.95\""],
        ),
        ("availability of 150", objectives(json!({ "availability": "150" })), &["availability", "\"99.95\""]),
        ("window of 1000 days", objectives(json!({ "windowDays": 1000 })), &["windowDays"]),
        ("min above max", spec(json!({ "minReplicas": 9, "maxReplicas": 3 })), &["maxReplicas"]),
        ("min of zero", spec(json!({ "minReplicas": 0 })), &["minReplicas"]),
        ("negative max", spec(json!({ "maxReplicas": -1 })), &["maxReplicas"]),
        ("both targets", spec(json!({ "scaleTargetRef": target })), &["workload", "scaleTargetRef"]),
        ("no target", spec(json!({ "workload": null, "runtime": null })), &["workload", "scaleTargetRef"]),
        ("unknown mode", spec(json!({ "mode": "Recommend" })), &["mode"]),
        ("workers of zero", spec(json!({ "runtime": { "workers": 0 } })), &["workers"]),
        ("workers unknown word", spec(json!({ "runtime": { "workers": "Many" } })), &["workers"]),
        ("reserve above qps", spec(json!({ "reserve": { "qps": 1_000_000 } })), &["reserve"]),
        ("prior of zero", spec(json!({ "capacity": { "prior": { "qpsPerPod": 0 } } })), &["qpsPerPod"]),
        (
            "window too long",
            spec(json!({ "behavior": { "scaleDown": { "stabilizationWindowSeconds": 99_999 } } })),
            &["stabilizationWindowSeconds"],
        ),
        (
            "policy of no period",
            spec(
                json!({ "behavior": { "scaleDown": { "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 0 }] } } }),
            ),
            &["periodSeconds"],
        ),
        (
            "policy unknown type",
            spec(
                json!({ "behavior": { "scaleDown": { "policies": [{ "type": "Nodes", "value": 1, "periodSeconds": 60 }] } } }),
            ),
            &["type"],
        ),
        ("port of zero", workload(json!({ "port": 0 })), &["port"]),
        ("image with a space", workload(json!({ "image": "a b" })), &["image"]),
        ("slots of zero", workload(json!({ "config": { "slotsPerWorker": 0 } })), &["slotsPerWorker"]),
        (
            "drain longer than the grace period",
            pod(json!({ "terminationGracePeriodSeconds": 3 })),
            &["terminationGracePeriodSeconds"],
        ),
        ("a label of ours", pod(json!({ "labels": { "headroom.dev/service": "x" } })), &["labels"]),
        (
            "an env twice",
            pod(json!({ "env": [{ "name": "A", "value": "1" }, { "name": "A", "value": "2" }] })),
            &["env"],
        ),
        ("cpu of nonsense", pod(json!({ "resources": { "requests": { "cpu": "lots" } } })), &["cpu"]),
        ("a name too long", json!({ "metadata": { "name": "a".repeat(80) } }), &["name"]),
    ]
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn bad_objects_are_refused_with_field_and_remedy() {
    controller().unwrap();
    let place = Namespace::new("refused").unwrap();
    let table = table();
    assert!(table.len() >= 25);
    apply(&place, &json!({})).expect("the object that all others are made from is good");
    for (what, change, words) in &table {
        let refusal = match apply(&place, change) {
            Err(error) => format!("{error:#}"),
            Ok(_) => panic!("{what}: the API server took it"),
        };
        let said = refusal.rsplit("is invalid").next().unwrap_or_default();
        println!("{what}: {}", said.trim());
        for word in *words {
            assert!(refusal.contains(word), "{what}: the message does not name {word}: {refusal}");
        }
    }
}

fn apply(place: &Namespace, change: &Value) -> anyhow::Result<String> {
    let object = Plan { more: change.clone(), ..Plan::new("web") }.object(place.name());
    let arguments = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
    kubectl_with_input(&arguments, &object.to_string())
}
