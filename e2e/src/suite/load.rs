//! Load on a service, from a Job in the cluster.

use std::time::Duration;

use anyhow::Context;
use headroom_load::report::Summary;
use serde_json::{Value, json};

use super::api::{object, objects};
use super::kubectl::{kubectl, kubectl_with_input};
use super::until;

/// The generator's image.
const IMAGE: &str = concat!("localhost/headroom-load:", env!("CARGO_PKG_VERSION"));

/// A load to play.
#[derive(Debug, Clone)]
pub struct Load {
    /// Name of the Job.
    pub name: String,
    /// Flags of headroom-load that give the shape, such as `--steps 10s@100`.
    pub shape: Vec<String>,
    /// Most connections.
    pub connections: u32,
    /// One connection a request.
    pub new_connections: bool,
}

/// A load that plays.
#[derive(Debug)]
pub struct LoadJob {
    namespace: String,
    name: String,
}

impl Load {
    /// Steps such as `20s@200,30s@800`.
    pub fn steps(name: &str, steps: &str) -> Self {
        let shape = vec!["--steps".to_owned(), steps.to_owned()];
        Self { name: name.to_owned(), shape, connections: 64, new_connections: false }
    }

    /// Begins to play against a URL.
    pub fn start(&self, namespace: &str, url: &str) -> anyhow::Result<LoadJob> {
        let mut arguments = vec!["--target".to_owned(), url.to_owned()];
        arguments.extend(self.shape.clone());
        let connections = self.connections.to_string();
        let fixed = ["--connections", &connections, "--objective", "p99<150ms", "--timeout", "5s"];
        arguments.extend(fixed.map(str::to_owned));
        arguments.extend(["--json", "-", "--quiet"].map(str::to_owned));
        if self.new_connections {
            arguments.push("--new-connections".to_owned());
        }
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": { "name": self.name, "namespace": namespace },
            "spec": {
                "backoffLimit": 0,
                "template": { "spec": {
                    "restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
                    "containers": [{
                        "name": "load", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "args": arguments,
                        "resources": { "requests": { "cpu": "25m", "memory": "16Mi" } },
                    }],
                } },
            },
        });
        kubectl_with_input(&["apply", "-f", "-"], &job.to_string())?;
        Ok(LoadJob { namespace: namespace.to_owned(), name: self.name.clone() })
    }
}

impl LoadJob {
    /// Waits until the generator's container runs; gives when that was, by the node's clock.
    pub fn until_running(&self) -> anyhow::Result<jiff::Timestamp> {
        until("the load to begin", Duration::from_secs(60), || {
            let Some(pod) = objects(&self.namespace, "pods", Some(&format!("job-name={}", self.name)))?.pop()
            else {
                return Ok(None);
            };
            let state = &pod["status"]["containerStatuses"][0]["state"];
            let started =
                state["running"]["startedAt"].as_str().or_else(|| state["terminated"]["startedAt"].as_str());
            Ok(started.map(str::parse).transpose()?)
        })
    }

    /// Waits for its end and gives its summary.
    pub fn summary(&self, patience: Duration) -> anyhow::Result<Summary> {
        until(&format!("the end of load {}", self.name), patience, || {
            let job = object(&self.namespace, "jobs", &self.name)?.context("the Job is gone")?;
            let ended = |field: &str| job["status"][field].as_u64().unwrap_or_default() > 0;
            Ok((ended("succeeded") || ended("failed")).then_some(()))
        })?;
        let log = kubectl(&["-n", &self.namespace, "logs", &format!("job/{}", self.name), "--tail=-1"])?;
        let json = log
            .find('{')
            .map(|start| &log[start..])
            .with_context(|| format!("no summary in the log: {log}"))?;
        let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
        let summary = values.next().context("no summary")??;
        serde_json::from_value(summary).context("the summary is not understood")
    }

    /// Ends it before its time.
    pub fn stop(&self) -> anyhow::Result<()> {
        kubectl(&["-n", &self.namespace, "delete", "job", &self.name, "--wait=false"]).map(drop)
    }
}
