//! The Helm chart, rendered as users render it.

use std::fs;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::cluster::Checker;

/// The oldest Kubernetes that the chart is for: `helm template` has no cluster to ask.
const KUBERNETES: &str = "1.30.0";

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of the chart.
pub fn folder() -> PathBuf {
    root().join("charts/headroom")
}

/// The program, or `None` where it cannot be had: then the test of this name is skipped, and that is said past the test
/// harness, which would hide it.
pub fn checker(checker: Checker, test: &str) -> Option<PathBuf> {
    let found = checker.ensure();
    found.inspect_err(|error| skip(test, &format!("{error:#}"))).ok()
}

/// Says that a test is skipped.
pub fn skip(test: &str, reason: &str) {
    let _ = writeln!(stderr(), "SKIPPED {test}: {reason}");
}

/// Helm.
#[derive(Debug)]
pub struct Helm(PathBuf);

impl Helm {
    /// `None` where it is missing; see [`checker`].
    pub fn find(test: &str) -> Option<Self> {
        checker(Checker::Helm, test).map(Self)
    }

    /// Runs it with these arguments, whatever comes of it.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut helm = Command::new(&self.0);
        // Without the settings and plugins of whoever runs the test.
        helm.env_clear().env("HOME", std::env::temp_dir()).args(arguments);
        helm.output().with_context(|| format!("failed to start {}", self.0.display()))
    }

    /// What `helm template` says of the chart with these arguments: the manifests, or Helm's message.
    pub fn template(&self, arguments: &[&str]) -> anyhow::Result<Result<String, String>> {
        self.template_of(&folder(), arguments)
    }

    fn template_of(&self, chart: &Path, arguments: &[&str]) -> anyhow::Result<Result<String, String>> {
        let chart = chart.to_str().context("the chart's path is not UTF-8")?;
        let mut all =
            vec!["template", "headroom", chart, "-n", "headroom-system", "--kube-version", KUBERNETES];
        all.extend(arguments);
        let output = self.run(&all)?;
        let text = |bytes| String::from_utf8(bytes).context("helm's output is not UTF-8");
        Ok(if output.status.success() { Ok(text(output.stdout)?) } else { Err(text(output.stderr)?) })
    }

    /// The chart's manifests with these arguments.
    pub fn manifests(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        let rendered = self.template(arguments)?.map_err(anyhow::Error::msg)?;
        let documents = rendered.split("\n---\n").map(|document| document.trim_start_matches("---\n"));
        let values = self.read_yaml(&documents.collect::<Vec<_>>())?;
        Ok(values.into_iter().filter(|value| value.get("kind").is_some()).collect())
    }

    /// Reads YAML documents, each a map, with Helm's own reader, by a chart that prints its files as JSON.
    pub fn read_yaml(&self, documents: &[&str]) -> anyhow::Result<Vec<Value>> {
        const TEMPLATE: &str = r#"values: [{{ range $path, $_ := .Files.Glob "in/*" }}{{ $.Files.Get $path | fromYaml | toJson }}, {{ end }}]"#;
        let chart = tempfile::tempdir()?;
        let write = |path: &str, text: &str| {
            let path = chart.path().join(path);
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
            fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))
        };
        write("Chart.yaml", "{ apiVersion: v2, name: reader, version: 1.0.0 }")?;
        write("templates/out.yaml", TEMPLATE)?;
        for (index, document) in documents.iter().enumerate() {
            write(&format!("in/{index:04}"), document)?;
        }
        let printed = self.template_of(chart.path(), &[])?.map_err(anyhow::Error::msg)?;
        let list = printed.split_once("values: ").context("the reader printed no values")?.1.trim_end();
        let list = list.strip_suffix(", ]").map_or_else(|| list.to_owned(), |list| format!("{list}]"));
        let values: Vec<Value> = serde_json::from_str(&list).context("the reader printed no JSON")?;
        ensure!(values.len() == documents.len(), "{} documents became {}", documents.len(), values.len());
        for value in &values {
            ensure!(value.get("Error").is_none(), "not YAML: {value}");
        }
        Ok(values)
    }
}
