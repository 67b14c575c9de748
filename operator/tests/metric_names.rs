//! Every metric that a dashboard, an alert or a document names is one that the controller has.
#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use headroom::controller::report::metrics::Metrics;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The metrics of the controller; a histogram's series add `_bucket`, `_sum` and `_count`.
fn metrics() -> Vec<String> {
    Metrics::default().families().iter().map(|family| family.name.clone()).collect()
}

/// What starts as a metric's name and is the name of a package.
const PACKAGES: [&str; 6] =
    ["headroom_api", "headroom_core", "headroom_e2e", "headroom_load", "headroom_sim", "headroom_workload"];

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("headroom_") && !PACKAGES.contains(word)).collect()
}

fn exists(name: &str, metrics: &[String]) -> bool {
    let is = |name: &str| metrics.iter().any(|metric| metric == name);
    is(name) || ["_bucket", "_sum", "_count"].iter().any(|end| name.strip_suffix(end).is_some_and(is))
}

/// Each file below a folder whose name ends so.
fn files(folder: &Path, end: &str, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, end, into);
        } else if path.to_str().unwrap().ends_with(end) {
            into.push(fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn named_metrics_exist() {
    let mut texts = vec![fs::read_to_string(root().join("README.md")).unwrap()];
    files(&root().join("charts/headroom/files/dashboards"), ".json", &mut texts);
    files(&root().join("charts/headroom/files/rules"), ".yaml", &mut texts);
    files(&root().join("docs"), ".md", &mut texts);
    let all: BTreeSet<&str> = texts.iter().flat_map(|text| named(text)).collect();
    assert!(all.len() > 20, "the names are found: {all:?}");
    let unknown: Vec<&&str> = all.iter().filter(|name| !exists(name, &metrics())).collect();
    assert!(unknown.is_empty(), "named, and not a metric: {unknown:?}");
}

/// A metric that nothing shows is one that nobody looks at.
#[test]
fn each_metric_is_on_a_dashboard_or_in_a_rule() {
    let mut texts = Vec::new();
    files(&root().join("charts/headroom/files/dashboards"), ".json", &mut texts);
    files(&root().join("charts/headroom/files/rules"), ".yaml", &mut texts);
    let all: BTreeSet<&str> = texts.iter().flat_map(|text| named(text)).collect();
    let metrics = metrics();
    let shown = |metric: &str| {
        all.iter()
            .any(|name| name.strip_prefix(metric).is_some_and(|rest| rest.is_empty() || rest == "_bucket"))
    };
    let unseen: Vec<&String> = metrics.iter().filter(|metric| !shown(metric)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}
