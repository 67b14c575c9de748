//! A service that a test scales: waiting handlers, so that a pod has a true capacity and costs hardly any CPU.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::api::{object, objects};
use super::kubectl::kubectl_with_input;
use super::until;

/// Mean time of a request in its handler, and requests at a time: 200 requests/s a pod.
const WAIT: (&str, u32) = ("20ms", 4);

/// What is asked of a service.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name.
    pub name: String,
    /// Bounds of the size.
    pub replicas: (u32, u32),
    /// Requests per second up to which the promise holds.
    pub qps: u32,
    /// Active, Observe or Paused.
    pub mode: &'static str,
    /// A first guess at the capacity of a pod.
    pub prior: Option<u32>,
    /// Seconds for which a smaller size waits.
    pub down_window: u32,
    /// Further fields, merged over the object.
    pub more: Value,
}

/// A service in the cluster.
#[derive(Debug, Clone)]
pub struct ScaledService {
    namespace: String,
    name: String,
}

impl Plan {
    /// 200 requests/s a pod, P99 within 100 ms, 2 to 12 pods, and a short window so that tests see it shrink.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            replicas: (2, 12),
            qps: 1600,
            mode: "Active",
            prior: Some(150),
            down_window: 30,
            more: json!({}),
        }
    }

    /// Its server lets requests wait for 2 s: a busy machine makes them late, and what fails was failed by the test.
    #[must_use]
    pub fn patient(mut self) -> Self {
        merge(&mut self.more, &json!({ "spec": { "workload": { "config": { "queueDelay": "2s" } } } }));
        self
    }

    /// The object.
    pub fn object(&self, namespace: &str) -> Value {
        let mut object = json!({
            "apiVersion": "headroom.dev/v1alpha1",
            "kind": "ScaledService",
            "metadata": { "name": self.name, "namespace": namespace },
            "spec": {
                "workload": {
                    "config": {
                        "slotsPerWorker": WAIT.1,
                        "queueLength": 200,
                        "connectionAge": "5s",
                        "drain": { "delay": "2s", "timeout": "10s" },
                        "cost": { "wait": WAIT.0, "distribution": "Exponential" },
                    },
                    "pod": { "resources": { "requests": { "cpu": "25m", "memory": "16Mi" } } },
                },
                "runtime": { "workers": 1 },
                "objectives": {
                    "qps": self.qps,
                    "latency": [{ "name": "p99", "quantile": "0.99", "threshold": "150ms" }],
                },
                "minReplicas": self.replicas.0,
                "maxReplicas": self.replicas.1,
                "mode": self.mode,
                "behavior": { "scaleDown": { "stabilizationWindowSeconds": self.down_window } },
            },
        });
        if let Some(prior) = self.prior {
            object["spec"]["capacity"] = json!({ "prior": { "qpsPerPod": prior } });
        }
        merge(&mut object, &self.more);
        object
    }

    /// Applies it and gives it back as a service in the cluster.
    pub fn apply(&self, namespace: &str) -> anyhow::Result<ScaledService> {
        kubectl_with_input(
            &["apply", "--server-side", "--field-manager=e2e", "-f", "-"],
            &self.object(namespace).to_string(),
        )?;
        Ok(ScaledService { namespace: namespace.to_owned(), name: self.name.clone() })
    }
}

impl ScaledService {
    /// The service of this name.
    pub fn named(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The object as it is now.
    pub fn now(&self) -> anyhow::Result<Value> {
        object(&self.namespace, "scaledservices", &self.name)?.context("the ScaledService is gone")
    }

    /// The condition of this type.
    pub fn condition(&self, kind: &str) -> anyhow::Result<Value> {
        let now = self.now()?;
        let conditions = now.pointer("/status/conditions").and_then(Value::as_array);
        let found = conditions.and_then(|all| all.iter().find(|condition| condition["type"] == kind));
        found.cloned().with_context(|| format!("there is no condition {kind} yet"))
    }

    /// Waits until a condition has this reason; gives its message.
    pub fn until_reason(&self, kind: &str, reason: &str, patience: Duration) -> anyhow::Result<String> {
        until(&format!("condition {kind} with reason {reason}"), patience, || {
            let condition = self.condition(kind)?;
            let message = condition["message"].as_str().unwrap_or_default().to_owned();
            if condition["reason"] == reason {
                return Ok(Some(message));
            }
            anyhow::bail!("it is {} because of {}: {message}", condition["status"], condition["reason"])
        })
    }

    /// Pods asked for, of the Deployment of the same name.
    pub fn size(&self) -> anyhow::Result<u64> {
        let deployment =
            object(&self.namespace, "deployments", &self.name)?.context("there is no Deployment yet")?;
        deployment.pointer("/spec/replicas").and_then(Value::as_u64).context("no size")
    }

    /// Pods that are ready.
    pub fn ready(&self) -> anyhow::Result<u64> {
        let deployment =
            object(&self.namespace, "deployments", &self.name)?.context("there is no Deployment yet")?;
        Ok(deployment.pointer("/status/readyReplicas").and_then(Value::as_u64).unwrap_or_default())
    }

    /// Waits until so many pods are ready.
    pub fn until_ready(&self, pods: u64, patience: Duration) -> anyhow::Result<()> {
        until(&format!("{pods} ready pods of {}", self.name), patience, || {
            let ready = self.ready()?;
            Ok((ready >= pods).then_some(()))
        })
    }

    /// What it says of itself, for the error of who waits in vain.
    pub fn story(&self) -> anyhow::Result<String> {
        let now = self.now()?;
        let conditions = now.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let said = conditions
            .map(|one| format!("{} {} {}: {}", one["type"], one["status"], one["reason"], one["message"]));
        let changes = now.pointer("/status/decisions").cloned().unwrap_or_default();
        Ok(format!("{}\n{changes}", said.collect::<Vec<_>>().join("\n")))
    }

    /// Waits until its size is as wanted; the error tells what it says of itself.
    pub fn until_size(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(u64) -> bool,
    ) -> anyhow::Result<u64> {
        until(what, patience, || {
            let size = self.size()?;
            if wanted(size) { Ok(Some(size)) } else { anyhow::bail!("{size} pods; {}", self.story()?) }
        })
    }

    /// Its pods.
    pub fn pods(&self) -> anyhow::Result<Vec<Value>> {
        objects(&self.namespace, "pods", Some(&format!("headroom.dev/service={}", self.name)))
    }

    /// Where its Service answers, as pods see it.
    pub fn url(&self) -> anyhow::Result<String> {
        until("the Service", Duration::from_secs(20), || {
            let Some(service) = object(&self.namespace, "services", &self.name)? else { return Ok(None) };
            let address =
                service.pointer("/spec/clusterIP").and_then(Value::as_str).context("no cluster IP")?;
            let port = service.pointer("/spec/ports/0/port").and_then(Value::as_u64).context("no port")?;
            Ok(Some(format!("http://{address}:{port}/")))
        })
    }
}

/// Objects are merged field by field, all else is replaced; `null` removes.
pub(super) fn merge(into: &mut Value, more: &Value) {
    match (into.as_object_mut(), more.as_object()) {
        (Some(fields), Some(others)) => {
            for (name, other) in others {
                if other.is_null() {
                    fields.remove(name);
                } else {
                    merge(fields.entry(name.clone()).or_insert(Value::Null), other);
                }
            }
        }
        _ => *into = more.clone(),
    }
}
