//! The cluster itself: pods run on every node, parts of it can be broken and mended, and the audit log tells who wrote a
//! size. Needs a cluster: `headroom-cluster with -- cargo test -p headroom-e2e --test cluster`.

#![allow(clippy::unwrap_used, reason = "functions here are parts of tests")]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use headroom_e2e::cluster::Cluster;
use headroom_e2e::cluster::audit::{Entries, Entry};
use headroom_e2e::wait::until;
use serde_json::{Value, json};

/// The image that every node has from its start.
const PAUSE: &str = "registry.local/headroom-e2e/pause:1";
const NAMESPACE: &str = "cluster-test";

struct Shell<'a>(&'a Cluster);

impl Shell<'_> {
    fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(self.0.program("kubectl")?);
        command.arg("--kubeconfig").arg(self.0.kubeconfig()).args(["--namespace", NAMESPACE]).args(arguments);
        let output = command.output()?;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    fn get(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.kubectl(&[&["get", "-o", "json"], arguments].concat())?)?)
    }

    fn apply(&self, object: &Value) -> anyhow::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), object.to_string())?;
        self.kubectl(&["apply", "-f", file.path().to_str().context("a path")?]).map(drop)
    }

    /// Identifiers and nodes of the pods that are ready.
    fn ready_pods(&self) -> BTreeSet<(String, String)> {
        let pods = self.get(&["pods"]).unwrap_or_default();
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ready =
            pods.iter().filter(|pod| is_true(pod, "Ready") && pod["metadata"]["deletionTimestamp"].is_null());
        ready.map(|pod| (text(&pod["metadata"]["uid"]), text(&pod["spec"]["nodeName"]))).collect()
    }

    fn is_node_ready(&self, node: &str) -> bool {
        self.get(&["node", node]).is_ok_and(|node| is_true(&node, "Ready"))
    }
}

fn is_true(object: &Value, condition: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == condition && one["status"] == "True"))
}

fn deployment(replicas: usize) -> Value {
    let spread = json!([{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": { "matchLabels": { "app": "idle" } },
    }]);
    let container = json!({ "name": "idle", "image": PAUSE, "imagePullPolicy": "Never" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "idle" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "idle" } },
            "template": {
                "metadata": { "labels": { "app": "idle" } },
                "spec": {
                    "topologySpreadConstraints": spread, "containers": [container], "terminationGracePeriodSeconds": 1,
                },
            },
        },
    })
}

fn next(entries: &mut Entries, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
    entries.by_ref().map(Result::unwrap).find(wanted)
}

#[test]
fn a_cluster_runs_pods_everywhere_and_survives_its_parts() -> anyhow::Result<()> {
    let Some(cluster) = Cluster::of_this_test()? else {
        println!(
            "skipped: needs a cluster (headroom-cluster with -- cargo test -p headroom-e2e --test cluster)"
        );
        return Ok(());
    };
    let shell = Shell(&cluster);
    let nodes = cluster.nodes();
    let mut audit = Entries::from_now(&cluster.audit_log())?;

    shell.kubectl(&["create", "namespace", NAMESPACE])?;
    let start = Instant::now();
    shell.apply(&deployment(nodes.len()))?;
    let everywhere = || {
        let pods = shell.ready_pods();
        let hosts: BTreeSet<_> = pods.iter().map(|(_, node)| node.as_str()).collect();
        (hosts.len() == nodes.len()).then(|| pods.clone())
    };
    let pods = until("a pod is ready on every node", everywhere)?;
    println!("a pod on each of {} nodes: ready after {:.1?}", nodes.len(), start.elapsed());

    shell.kubectl(&["scale", "deployment/idle", &format!("--replicas={}", nodes.len() + 1)])?;
    let written =
        next(&mut audit, |entry| entry.object_ref.namespace == NAMESPACE && entry.replicas_asked().is_some());
    let written = written.context("the log has what was answered")?;
    assert_eq!(written.replicas_asked(), Some(nodes.len() as u64 + 1));
    assert!(written.succeeded() && written.user_agent.starts_with("kubectl/"), "{written:?}");
    shell.kubectl(&["scale", "deployment/idle", &format!("--replicas={}", nodes.len())])?;
    until("the size is back", || (shell.ready_pods().len() == nodes.len()).then_some(()))?;
    let pods_before = shell.ready_pods();
    assert!(pods_before.intersection(&pods).next().is_some());

    let last = nodes.last().context("a node")?;
    let mut kubelet = cluster.kubelet(last)?;
    let start = Instant::now();
    kubelet.stop()?;
    until("its node is no longer ready", || (!shell.is_node_ready(last)).then_some(()))?;
    println!("kubelet killed: its node is not ready after {:.1?}", start.elapsed());
    kubelet.start()?;
    until("its node is ready again", || shell.is_node_ready(last).then_some(()))?;
    kubelet.pause()?;
    kubelet.resume()?;
    until("no pod was lost", || (shell.ready_pods() == pods_before).then_some(()))?;

    let mut api_server = cluster.api_server()?;
    api_server.stop()?;
    assert!(shell.get(&["pods"]).is_err(), "a stopped API server does not answer");
    let start = Instant::now();
    api_server.start()?;
    until("the API server answers", || shell.get(&["pods"]).ok())?;
    println!("API server killed and started: answers after {:.1?}", start.elapsed());
    until("no pod was lost", || (shell.ready_pods() == pods_before).then_some(()))?;

    shell.kubectl(&["delete", "namespace", NAMESPACE, "--timeout=60s"])?;
    Ok(())
}
