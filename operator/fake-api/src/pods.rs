//! What pods look like in the stages of their life, as kubelets and schedulers report it.

use serde_json::{Value, json};
use std::time::Duration;

/// How a pod's start goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Ready so long after its creation.
    After(Duration),
    /// No node has room.
    Unschedulable,
    /// Its container exits again and again.
    CrashLoop,
    /// Its image can't be pulled.
    ImagePull,
}

/// Where a new pod belongs and runs.
pub(crate) struct Place<'a> {
    pub namespace: &'a str,
    pub replica_set: &'a Value,
    pub node: String,
    pub number: u64,
}

impl Place<'_> {
    /// A new pod of the `ReplicaSet`, not started yet.
    pub(crate) fn pod(&self) -> Value {
        let (set, number) = (self.replica_set, self.number);
        let name = format!("{}-{number:05}", set["metadata"]["name"].as_str().unwrap_or_default());
        let mut spec = set["spec"]["template"]["spec"].clone();
        spec["nodeName"] = json!(self.node);
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "namespace": self.namespace, "name": name, "labels": set["spec"]["template"]["metadata"]["labels"],
                "annotations": set["spec"]["template"]["metadata"]["annotations"],
                "ownerReferences": [owner(set)], "managedFields": [],
            },
            "spec": spec,
            "status": { "podIP": address(number) },
        })
    }
}

/// The reference by which `object` controls another.
pub(crate) fn owner(object: &Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    })
}

/// An address of 10.0.0.0/8 that no other pod has.
fn address(number: u64) -> String {
    format!("10.{}.{}.{}", (number >> 16) & 255, (number >> 8) & 255, number & 255)
}

/// The status of a pod that is not ready.
pub(crate) fn starting(pod: &Value, start: Start) -> Value {
    let created = &pod["metadata"]["creationTimestamp"];
    let (phase, scheduled, state) = match start {
        Start::After(_) => ("Pending", "True", waiting("ContainerCreating")),
        Start::Unschedulable => ("Pending", "False", Value::Null),
        Start::CrashLoop => ("Running", "True", waiting("CrashLoopBackOff")),
        Start::ImagePull => ("Pending", "True", waiting("ImagePullBackOff")),
    };
    let mut conditions =
        vec![json!({"type": "PodScheduled", "status": scheduled, "lastTransitionTime": created})];
    if start == Start::Unschedulable {
        conditions[0]["reason"] = json!("Unschedulable");
        conditions[0]["message"] = json!("0/2 nodes are available: 2 Insufficient cpu.");
    } else {
        for kind in ["ContainersReady", "Ready"] {
            let reason = "ContainersNotReady";
            let condition =
                json!({"type": kind, "status": "False", "reason": reason, "lastTransitionTime": created});
            conditions.push(condition);
        }
    }
    let mut status = json!({ "phase": phase, "conditions": conditions, "podIP": pod["status"]["podIP"] });
    if !state.is_null() {
        status["containerStatuses"] = containers(pod, &state, start);
    }
    status
}

/// The status of a pod that is ready since `now`.
pub(crate) fn ready(pod: &Value, now: &str) -> Value {
    let created = &pod["metadata"]["creationTimestamp"];
    let condition =
        |kind: &str, at: &Value| json!({"type": kind, "status": "True", "lastTransitionTime": at});
    let state = json!({"running": {"startedAt": created}});
    json!({
        "phase": "Running", "podIP": pod["status"]["podIP"], "podIPs": [{"ip": pod["status"]["podIP"]}],
        "hostIP": "192.168.0.1", "startTime": created,
        "conditions": [
            condition("PodScheduled", created),
            condition("ContainersReady", &json!(now)),
            condition("Ready", &json!(now)),
        ],
        "containerStatuses": containers(pod, &state, Start::After(Duration::ZERO)),
    })
}

fn waiting(reason: &str) -> Value {
    json!({ "waiting": { "reason": reason } })
}

fn containers(pod: &Value, state: &Value, start: Start) -> Value {
    let crashes = start == Start::CrashLoop;
    let running = state.get("running").is_some();
    let list = pod["spec"]["containers"].as_array().into_iter().flatten();
    list.map(|container| {
        let mut status = json!({
            "name": container["name"], "image": container["image"], "imageID": "", "state": state, "ready": running,
            "started": running, "restartCount": if crashes { 3 } else { 0 },
        });
        if crashes {
            status["lastState"] = json!({"terminated": {"exitCode": 1, "reason": "Error"}});
        }
        status
    })
    .collect()
}

/// Whether the pod says it is ready.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Whether the pod is being deleted.
pub(crate) fn is_leaving(pod: &Value) -> bool {
    pod["metadata"].get("deletionTimestamp").is_some_and(|at| !at.is_null())
}
