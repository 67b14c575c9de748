//! Every metric that a dashboard, an alert or a document names is one that the controller has.
#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use headroom_e2e::chart::{folder, root};

/// The metrics of the controller; a histogram's series add `_bucket`, `_sum` and `_count`.
// To be replaced by `Metrics::families()` of the controller once it is there: a list beside it can grow stale.
const METRICS: [&str; 35] = [
    "headroom_requests_total",
    "headroom_objective_ratio",
    "headroom_budget_remaining_ratio",
    "headroom_burn_rate",
    "headroom_latency_seconds",
    "headroom_latency_objective_seconds",
    "headroom_replicas_current",
    "headroom_replicas_ready",
    "headroom_replicas_wanted",
    "headroom_replicas_target",
    "headroom_replicas_min",
    "headroom_replicas_max",
    "headroom_offered_requests_per_second",
    "headroom_demand_requests_per_second",
    "headroom_ready_capacity_requests_per_second",
    "headroom_pod_capacity_requests_per_second",
    "headroom_pod_capacity_ratio",
    "headroom_capacity_confidence_ratio",
    "headroom_pods_fresh",
    "headroom_pods_missing_seconds",
    "headroom_lead_time_seconds",
    "headroom_direction_changes_total",
    "headroom_decisions_total",
    "headroom_condition",
    "headroom_leader",
    "headroom_tick_duration_seconds",
    "headroom_decide_duration_seconds",
    "headroom_load_to_write_seconds",
    "headroom_writes_total",
    "headroom_write_errors_total",
    "headroom_api_request_errors_total",
    "headroom_watch_age_seconds",
    "headroom_invariant_violations_total",
    "headroom_quarantined_services",
    "headroom_build_info",
];
/// What starts as a metric's name and is the name of a package.
const PACKAGES: [&str; 6] =
    ["headroom_api", "headroom_core", "headroom_e2e", "headroom_load", "headroom_sim", "headroom_workload"];

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("headroom_") && !PACKAGES.contains(word)).collect()
}

fn exists(name: &str) -> bool {
    let series = ["_bucket", "_sum", "_count"];
    METRICS.contains(&name)
        || series.iter().any(|end| name.strip_suffix(end).is_some_and(|family| METRICS.contains(&family)))
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
    files(&folder().join("files/dashboards"), ".json", &mut texts);
    files(&folder().join("files/rules"), ".yaml", &mut texts);
    files(&root().join("docs"), ".md", &mut texts);
    let all: BTreeSet<&str> = texts.iter().flat_map(|text| named(text)).collect();
    assert!(all.len() > 20, "the names are found: {all:?}");
    let unknown: Vec<&&str> = all.iter().filter(|name| !exists(name)).collect();
    assert!(unknown.is_empty(), "named, and not a metric: {unknown:?}");
}

/// A metric that nothing shows is one that nobody looks at.
#[test]
fn each_metric_is_on_a_dashboard_or_in_a_rule() {
    let mut texts = Vec::new();
    files(&folder().join("files/dashboards"), ".json", &mut texts);
    files(&folder().join("files/rules"), ".yaml", &mut texts);
    let all: BTreeSet<&str> = texts.iter().flat_map(|text| named(text)).collect();
    let shown = |metric: &str| {
        all.iter()
            .any(|name| name.strip_prefix(metric).is_some_and(|rest| rest.is_empty() || rest == "_bucket"))
    };
    let unseen: Vec<&&str> = METRICS.iter().filter(|metric| !shown(metric)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}
