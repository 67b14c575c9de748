//! `headroom check` finds what is wrong, and names the remedy.

use std::process::Command;
use std::time::Duration;

use headroom_e2e::programs::program;
use headroom_e2e::suite::{
    CONTROLLER_NAMESPACE, Namespace, Plan, controller, kubectl, kubectl_with_input, until,
};
use serde_json::{Value, json};

const PODS: Duration = Duration::from_secs(90);

/// Findings of `headroom check`, and its exit code.
fn check(arguments: &[&str]) -> (Vec<Value>, i32) {
    let mut command = Command::new(program("headroom").unwrap());
    let output = command.arg("check").args(arguments).args(["-o", "json"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {error}"));
    (answer["findings"].as_array().unwrap().clone(), output.status.code().unwrap())
}

fn failed<'a>(findings: &'a [Value], check: &str) -> Option<&'a Value> {
    findings.iter().find(|finding| finding["check"] == check && finding["verdict"] == "failed")
}

/// It failed, and what it says has these words.
fn finds(findings: &[Value], check: &str, words: &[&str]) {
    let finding = failed(findings, check).unwrap_or_else(|| panic!("{check} did not fail: {findings:#?}"));
    let said = format!("{} -> {}", finding["message"], finding["remedy"]);
    println!("{check}: {said}");
    assert!(!finding["remedy"].as_str().unwrap_or_default().is_empty(), "{check} names no remedy");
    for word in words {
        assert!(said.contains(word), "{check} does not say {word}: {said}");
    }
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_foreign_owner_a_second_writer_and_a_blocked_port_are_found() {
    controller().unwrap();
    let place = Namespace::new("check").unwrap();
    let arguments = ["-n", place.name()];
    let owned = Plan::new("owned").apply(place.name()).unwrap();
    let written = Plan::new("written").apply(place.name()).unwrap();
    let silent = Plan::new("silent").apply(place.name()).unwrap();
    for service in [&owned, &written, &silent] {
        service.until_ready(2, PODS).unwrap();
        service.until_reason("Ready", "Holding", PODS).unwrap();
    }
    let as_it_is = crate::DEFINITION.read();
    let (findings, code) = check(&arguments);
    drop(as_it_is);
    assert!(failed(&findings, "target-owner").is_none() && failed(&findings, "admin-port").is_none());
    assert_eq!(code, 0, "nothing is wrong yet: {findings:#?}");

    kubectl(&["-n", place.name(), "autoscale", "deployment/owned", "--min=2", "--max=3", "--cpu-percent=80"])
        .unwrap();
    // Once is a person, twice is somebody who keeps doing it.
    for size in [3, 4] {
        let replicas = format!("--replicas={size}");
        kubectl(&["-n", place.name(), "scale", "deployment/written", &replicas]).unwrap();
        until("the foreign size to be noticed", Duration::from_secs(30), || {
            let newest = written.now()?["status"]["decisions"][0].clone();
            Ok((newest["to"] == size && newest["reason"] == "ScaledByOther").then_some(()))
        })
        .unwrap();
    }
    for pod in silent.pods().unwrap() {
        let name = pod["metadata"]["name"].as_str().unwrap();
        kubectl(&["-n", place.name(), "annotate", "pod", name, "headroom.dev/admin-port=1"]).unwrap();
    }
    silent.until_reason("EvidenceFresh", "EvidenceAbsent", Duration::from_secs(30)).unwrap();
    let (findings, code) = check(&arguments);
    assert_eq!(code, 3);
    finds(&findings, "target-owner", &["HorizontalPodAutoscaler/owned", "delete"]);
    finds(&findings, "second-writer", &["kubectl", "spec.replicas"]);
    finds(&findings, "admin-port", &["9090", "NetworkPolic"]);
}

/// A role without one verb, and a definition without one field. Each is put back at once: others need them.
#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_missing_verb_and_an_old_definition_are_found() {
    controller().unwrap();
    let place = Namespace::new("check-cluster").unwrap();
    // The role of a controller that does not exist stands for one that lost a verb.
    let role: Value = serde_json::from_str(
        &kubectl(&["get", "clusterrole", "headroom-system-headroom", "-o", "json"]).unwrap(),
    )
    .unwrap();
    let pod = controller().unwrap().pods().unwrap().remove(0);
    assert_eq!(pod["spec"]["serviceAccountName"], "headroom", "in {CONTROLLER_NAMESPACE}");
    let mut rules = role["rules"].as_array().unwrap().clone();
    for rule in &mut rules {
        let resources = rule["resources"].as_array().cloned().unwrap_or_default();
        if resources.contains(&json!("deployments/scale")) {
            let verbs = rule["verbs"].as_array_mut().unwrap();
            verbs.retain(|verb| verb != "patch");
        }
    }
    plant_account(place.name(), &rules);
    let (findings, code) = check(&["--controller-namespace", place.name()]);
    assert_eq!(code, 3);
    finds(&findings, "controller-permissions", &["patch", "deployments/scale", "helm upgrade"]);
    kubectl(&["delete", "clusterrole,clusterrolebinding", &format!("{}-planted", place.name())]).unwrap();

    let _changing = crate::DEFINITION.write();
    let crd = kubectl(&["get", "crd", "scaledservices.headroom.dev", "-o", "json"]).unwrap();
    let mut older: Value = serde_json::from_str(&crd).unwrap();
    let schema = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties";
    older.pointer_mut(schema).unwrap().as_object_mut().unwrap().remove("timeToReady");
    older["metadata"]
        .as_object_mut()
        .unwrap()
        .retain(|field, _| field == "name" || field == "annotations" || field == "labels");
    kubectl_with_input(&["replace", "-f", "-"], &older.to_string()).unwrap();
    let (findings, code) = check(&["--pre"]);
    let current = format!("{}/../crds/headroom.dev_scaledservices.yaml", env!("CARGO_MANIFEST_DIR"));
    kubectl(&["apply", "--server-side", "--force-conflicts", "--field-manager=helm", "-f", &current])
        .unwrap();
    assert_eq!(code, 3);
    finds(&findings, "crd-current", &["timeToReady", "headroom crds"]);
}

/// A pod labelled as the controller's, whose account may do what these rules say.
fn plant_account(namespace: &str, rules: &[Value]) {
    let name = format!("{namespace}-planted");
    let role_ref = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
    let planted = json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "planted", "namespace": namespace } },
        { "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules },
        { "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": name },
          "roleRef": role_ref, "subjects": [{ "kind": "ServiceAccount", "name": "planted", "namespace": namespace }] },
        { "apiVersion": "v1", "kind": "Pod",
          "metadata": { "name": "planted", "namespace": namespace, "labels": { "app.kubernetes.io/name": "headroom" } },
          "spec": { "serviceAccountName": "planted", "nodeSelector": { "example.com/no-such": "node" },
                    "containers": [{ "name": "c", "image": "localhost/none:1" }] } },
    ] });
    kubectl_with_input(&["apply", "-f", "-"], &planted.to_string()).unwrap();
}
