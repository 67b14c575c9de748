//! Pods, policies and answers for the tests of this folder.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use headroom_core::policy::{Behavior, LatencyObjective};
use headroom_core::{Policy, PolicySpec};
use headroom_workload::stats::{STATS_VERSION, Stats};
use serde_json::{Value, json};

use super::SeenPod;

pub(super) fn policy() -> Policy {
    let p99 = LatencyObjective { name: "p99".into(), quantile: 0.99, threshold: Duration::from_millis(100) };
    Policy::new(PolicySpec {
        qps: 1000.0,
        latency: vec![p99],
        availability: 0.999,
        window_days: 28,
        reserve_qps: 0.0,
        min_replicas: 1,
        max_replicas: Some(100),
        behavior: Behavior::default(),
        prior_qps_per_pod: None,
        workers: None,
    })
    .unwrap()
}

pub(super) fn stats(boot: &str, arrivals: u64) -> Stats {
    let counted = json!({
        "statsVersion": STATS_VERSION, "bootId": boot, "atNanos": arrivals + 1,
        "workers": 4, "arrivals": arrivals, "admitted": arrivals
    });
    serde_json::from_value(counted).unwrap()
}

pub(super) fn pod(json: Value) -> Arc<SeenPod> {
    Arc::new(serde_json::from_value(json).unwrap())
}

/// A pod of a Deployment that is ready, with this number in its name and its address.
pub(super) fn ready(number: u8) -> Value {
    json!({
        "metadata": {
            "name": format!("orders-5d4f-{number:03}"), "namespace": "shop", "uid": format!("{number:08}-aaaa"),
            "generateName": "orders-5d4f-", "creationTimestamp": "2026-11-21T10:00:00Z",
            "labels": { "app": "orders", "pod-template-hash": "5d4f" }
        },
        "spec": { "containers": [{
            "name": "server", "image": "orders:1",
            "ports": [{ "name": "http", "containerPort": 8080 }, { "name": "admin", "containerPort": 9191 }],
            "resources": { "limits": { "cpu": "500m" }, "requests": { "cpu": "250m" } }
        }] },
        "status": {
            "phase": "Running", "podIP": format!("10.0.0.{number}"), "startTime": "2026-11-21T10:00:01Z",
            "conditions": [
                { "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-21T10:00:01Z" },
                { "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T10:00:05Z" }
            ],
            "containerStatuses": [{
                "name": "server", "restartCount": 0, "ready": true,
                "state": { "running": { "startedAt": "2026-11-21T10:00:03Z" } }
            }]
        }
    })
}

/// Merges `change` into `base`, member by member; lists and everything else are replaced.
pub(super) fn with(mut base: Value, change: Value) -> Value {
    match (&mut base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (key, value) in change {
                let before = base.remove(&key).unwrap_or(Value::Null);
                base.insert(key, with(before, value));
            }
        }
        (base, change) => *base = change,
    }
    base
}
