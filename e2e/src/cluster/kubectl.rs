//! The cluster's own questions to the API server, asked with kubectl.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use super::command::output;

/// kubectl with the administrator's kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// The kubectl in a folder.
    pub fn new(folder: &Path, kubeconfig: PathBuf) -> Self {
        Self { program: folder.join("kubectl"), kubeconfig }
    }

    /// Runs it and gives what it printed.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("--kubeconfig").arg(&self.kubeconfig).arg("--request-timeout=10s").args(arguments);
        output(&mut command)
    }

    /// Whether the API server answers that it is ready.
    pub fn is_ready(&self) -> bool {
        self.run(&["get", "--raw", "/readyz"]).is_ok_and(|answer| answer.trim() == "ok")
    }

    /// Names of the nodes that are ready.
    pub fn ready_nodes(&self) -> anyhow::Result<Vec<String>> {
        let list: Value = serde_json::from_str(&self.run(&["get", "nodes", "-o", "json"])?)?;
        let nodes = list["items"].as_array().context("no list of nodes")?;
        let ready = nodes.iter().filter(|node| is_ready(node));
        Ok(ready.filter_map(|node| node["metadata"]["name"].as_str().map(str::to_owned)).collect())
    }
}

fn is_ready(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_is_ready_when_it_says_so() {
        let node =
            |status: &str| json!({ "status": { "conditions": [{ "type": "Ready", "status": status }] } });
        assert!(is_ready(&node("True")));
        assert!(!is_ready(&node("Unknown")));
        assert!(!is_ready(&json!({})));
    }
}
