//! The provider `kind`: a cluster in Docker containers, where an engine runs. Kept thin; it was written from kind's
//! documentation and has not been tried where no Docker engine runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::{json, to_string, to_vec_pretty};

use super::command::{find, output};
use super::control_plane::audit_policy;
use super::fault::{Faulty, InContainer};
use super::kubectl::Kubectl;
use super::place::{Place, write};
use super::progress::Progress;
use super::state::{Phase, State};
use super::tools::Tool;
use super::{prometheus, teardown};

/// The minor version that the local provider builds.
const IMAGE: &str = "kindest/node:v1.34.0";
const AUDIT_FOLDER: &str = "/var/log/headroom-audit";
const POLICY: &str = "/etc/kubernetes/headroom-audit-policy.json";

/// Whether a Docker engine answers.
pub fn docker_answers() -> bool {
    find("docker").is_some_and(|docker| output(Command::new(docker).arg("info")).is_ok())
}

/// Names of the nodes that take pods; the control plane has one of its own, which takes none.
pub fn node_names(place: &Place, count: u8) -> Vec<String> {
    let number = |number: u8| if number == 1 { String::new() } else { number.to_string() };
    (1..=count).map(|node| format!("{}-worker{}", place.name(), number(node))).collect()
}

/// Brings the cluster up.
pub fn up(place: &Place, state: &mut State, progress: &Progress) -> anyhow::Result<()> {
    let kind = program(place, progress)?;
    let tools = [(Tool::Helm, "helm"), (Tool::Kubeconform, "kubeconform")];
    let kubectl = find("kubectl")
        .map_or_else(|| Ok(Tool::Kubernetes.ensure(place, progress)?.join("kubectl")), anyhow::Ok)?;
    state.programs = vec![kubectl];
    for (tool, program) in tools {
        state.programs.push(tool.ensure(place, progress)?.join(program));
    }
    state.programs.extend(prometheus::ensure(progress));
    write(&place.file("audit/policy.json"), to_vec_pretty(&audit_policy())?)?;
    // The API server keeps owner and mode of a log that it finds.
    write(&place.audit_log(), "")?;
    let config = place.file("kind.json");
    write(&config, to_vec_pretty(&config_of(place, state.nodes.len())?)?)?;
    progress.step("kind create cluster", || {
        let mut create = Command::new(&kind);
        create.args([
            "create",
            "cluster",
            "--name",
            place.name(),
            "--image",
            IMAGE,
            "--wait",
            "180s",
            "--config",
        ]);
        output(create.arg(&config).arg("--kubeconfig").arg(place.kubeconfig()))
    })?;
    state.phase = Phase::Ready;
    state.save(place)
}

/// Whether its API server answers.
pub fn is_healthy(place: &Place) -> bool {
    Kubectl::new(&place.bin(), place.kubeconfig()).is_ready()
}

/// Removes it.
pub fn remove(place: &Place) -> anyhow::Result<()> {
    let kind = program(place, &Progress::silent())?;
    output(Command::new(kind).args(["delete", "cluster", "--name", place.name()]))?;
    teardown::remove_run_folder(place)
}

/// Imports an archive on every node.
pub fn load_image(place: &Place, archive: &Path) -> anyhow::Result<()> {
    let kind = program(place, &Progress::silent())?;
    output(Command::new(kind).args(["load", "image-archive", "--name", place.name()]).arg(archive)).map(drop)
}

/// The kubelet of a node: a unit of the systemd in the node's container.
pub fn kubelet(node: &str) -> Faulty {
    Faulty::container(InContainer {
        node: node.to_owned(),
        stop: "systemctl kill --signal=KILL kubelet; systemctl stop kubelet",
        start: "systemctl start kubelet",
        process: "kubelet",
    })
}

/// The API server: the kubelet runs it as long as its manifest is there.
pub fn api_server(place: &Place) -> Faulty {
    Faulty::container(InContainer {
        node: format!("{}-control-plane", place.name()),
        stop: "mv /etc/kubernetes/manifests/kube-apiserver.yaml /root/; pkill -KILL -x kube-apiserver",
        start: "test -e /etc/kubernetes/manifests/kube-apiserver.yaml || mv /root/kube-apiserver.yaml /etc/kubernetes/manifests/",
        process: "kube-apiserver",
    })
}

fn program(place: &Place, progress: &Progress) -> anyhow::Result<PathBuf> {
    find("kind").map_or_else(|| Ok(Tool::Kind.ensure(place, progress)?.join("kind")), anyhow::Ok)
}

fn config_of(place: &Place, workers: usize) -> anyhow::Result<serde_json::Value> {
    let volume = |name: &str, path: &str, kind: &str| json!({ "name": name, "hostPath": path, "mountPath": path, "pathType": kind });
    let patch = json!({
        "kind": "ClusterConfiguration",
        "apiServer": {
            "extraArgs": { "audit-log-path": format!("{AUDIT_FOLDER}/audit.log"), "audit-policy-file": POLICY },
            "extraVolumes": [volume("audit-log", AUDIT_FOLDER, "Directory"), volume("audit-policy", POLICY, "File")],
        },
        "controllerManager": { "extraArgs": { "node-monitor-period": "2s", "node-monitor-grace-period": "20s" } },
    });
    let folder = place.audit_log();
    let folder = folder.parent().context("a file lies in a folder")?;
    let mounts = json!([
        { "hostPath": folder, "containerPath": AUDIT_FOLDER },
        { "hostPath": folder.join("policy.json"), "containerPath": POLICY, "readOnly": true },
    ]);
    let control_plane = json!({ "role": "control-plane", "kubeadmConfigPatches": [to_string(&patch)?], "extraMounts": mounts });
    let mut nodes = vec![control_plane];
    nodes.extend(std::iter::repeat_n(json!({ "role": "worker" }), workers));
    Ok(json!({ "kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_called_as_kind_calls_them() {
        let place = Place::of_this_checkout();
        let names = node_names(&place, 2);
        assert_eq!(names, [format!("{}-worker", place.name()), format!("{}-worker2", place.name())]);
    }

    #[test]
    fn the_api_server_writes_its_log_where_tests_read_it() {
        let place = Place::of_this_checkout();
        let config = config_of(&place, 2).unwrap();
        let nodes = config["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 3);
        assert_eq!(nodes[0]["extraMounts"][0]["hostPath"], json!(place.file("audit")));
    }
}
