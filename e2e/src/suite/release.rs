//! The controller, installed with its chart as a user installs it.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::api::{get, object, objects};
use super::kubectl::helm;
use super::until;
use crate::cluster::{Cluster, RunningPod};

/// Where the controller that most tests share is installed.
pub const CONTROLLER_NAMESPACE: &str = "headroom-system";

/// An installed chart.
#[derive(Debug)]
pub struct Release {
    /// Its namespace.
    pub namespace: String,
    name: String,
}

/// The controller that most tests share; installed by the first that asks.
pub fn controller() -> anyhow::Result<&'static Release> {
    static SHARED: OnceLock<Result<Release, String>> = OnceLock::new();
    let install =
        || Release::install("headroom", CONTROLLER_NAMESPACE, &[]).map_err(|error| format!("{error:#}"));
    SHARED
        .get_or_init(install)
        .as_ref()
        .map_err(|error| anyhow::anyhow!("the controller is not installed: {error}"))
}

/// The processes of a pod, to break.
pub fn running(pod: &Value) -> anyhow::Result<RunningPod> {
    Cluster::attach()?.pod(&text(pod, "/spec/nodeName")?, &text(pod, "/metadata/uid")?)
}

fn text(object: &Value, field: &str) -> anyhow::Result<String> {
    let found = object.pointer(field).and_then(Value::as_str).map(str::to_owned);
    found.with_context(|| format!("the object has no {field}"))
}

/// The chart of this repository.
pub fn chart() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/headroom").display().to_string()
}

impl Release {
    /// Installs the chart, or brings an installed one to these values, and waits until it is ready.
    pub fn install(name: &str, namespace: &str, values: &[&str]) -> anyhow::Result<Self> {
        let chart = chart();
        let mut arguments = vec!["upgrade", "--install", name, chart.as_str(), "-n", namespace];
        arguments.extend(["--create-namespace", "--wait", "--timeout", "120s"]);
        arguments.extend(values.iter().flat_map(|value| ["--set", value]));
        helm(&arguments)?;
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Its pods.
    pub fn pods(&self) -> anyhow::Result<Vec<Value>> {
        objects(&self.namespace, "pods", Some(&format!("app.kubernetes.io/instance={}", self.name)))
    }

    /// The processes of its pods, to break, with the pods' names.
    pub fn running(&self) -> anyhow::Result<Vec<(String, RunningPod)>> {
        let pods = self.pods()?;
        pods.iter().map(|pod| Ok((text(pod, "/metadata/name")?, running(pod)?))).collect()
    }

    /// Name of the pod that leads now.
    pub fn leader(&self) -> anyhow::Result<String> {
        until("a leader", Duration::from_secs(30), || {
            let lease = object(&self.namespace, "leases", "headroom")?;
            let holder =
                lease.and_then(|lease| Some(lease.pointer("/spec/holderIdentity")?.as_str()?.to_owned()));
            Ok(holder.filter(|holder| !holder.is_empty()))
        })
    }

    /// What one of its pods answers on its admin port.
    pub fn ask(&self, pod: &str, path: &str) -> anyhow::Result<String> {
        let path = format!("/api/v1/namespaces/{}/pods/{pod}:8080/proxy{path}", self.namespace);
        get(&path)
    }

    /// A figure of the leader's metrics; the sum over all series of the name.
    pub fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.ask(&self.leader()?, "/metrics")?;
        let series = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        let values = series.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<f64>());
        values.sum::<Result<f64, _>>().with_context(|| format!("{name} is no number"))
    }

    /// Removes it.
    pub fn uninstall(&self) -> anyhow::Result<()> {
        helm(&["uninstall", &self.name, "-n", &self.namespace, "--wait"]).map(drop)
    }
}
