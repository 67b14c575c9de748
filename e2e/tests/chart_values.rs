//! The values of the chart: impossible ones are refused, and each one does something.
#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::fs;

use headroom_e2e::chart::{Helm, folder};
use serde_json::{Value, json};

/// What is set, and what the message has to name.
const REFUSED: [(&str, &str); 25] = [
    ("replicas=2", "'replicas'"),
    (r#"image.name="x""#, "'name'"),
    ("replicaCount=0", "/replicaCount"),
    ("replicaCount=11", "/replicaCount"),
    (r#"replicaCount="2""#, "/replicaCount"),
    (r#"image.repository="Head Room""#, "/image/repository"),
    (r#"image.tag="a tag""#, "/image/tag"),
    (r#"image.digest="sha256:12""#, "/image/digest"),
    (r#"image.pullPolicy="Sometimes""#, "/image/pullPolicy"),
    (r#"watchNamespaces=["Shop"]"#, "/watchNamespaces/0"),
    (r#"watchNamespaces="shop""#, "/watchNamespaces"),
    (r#"scalableKinds=[{"group":"apps","plural":"*"}]"#, "/scalableKinds/0/plural"),
    (r#"scalableKinds=[{"group":"*","plural":"deployments"}]"#, "/scalableKinds/0/group"),
    (r#"scalableKinds=[{"group":"apps","plural":"deployments/scale"}]"#, "/scalableKinds/0/plural"),
    ("statusWritesPerSecond=0", "/statusWritesPerSecond"),
    (r#"log.format="xml""#, "/log/format"),
    (r#"log.level="debgu""#, "/log/level"),
    ("adminPort=80", "/adminPort"),
    (r#"crds.enabled="yes""#, "/crds/enabled"),
    (r#"resources.requests.cpu="much""#, "/resources/requests/cpu"),
    ("resources.cpu=1", "'cpu'"),
    ("podDisruptionBudget.maxUnavailable=0", "/podDisruptionBudget/maxUnavailable"),
    (r#"serviceMonitor.interval="soon""#, "/serviceMonitor/interval"),
    (r#"prometheusRule.runbookBaseUrl="here""#, "/prometheusRule/runbookBaseUrl"),
    (r#"fullnameOverride="Head_Room""#, "/fullnameOverride"),
];

#[test]
fn impossible_values_are_refused_by_name() {
    let Some(helm) = Helm::find("impossible_values_are_refused_by_name") else { return };
    for (set, named) in REFUSED {
        let said = helm.template(&["--set-json", set]).unwrap();
        assert!(said.as_ref().is_err_and(|message| message.contains(named)), "{set}: {said:?}");
    }
}

/// A strict schema must not break a chart that has this one as a part.
#[test]
fn values_of_a_parent_chart_pass() {
    let Some(helm) = Helm::find("values_of_a_parent_chart_pass") else { return };
    let said = helm.template(&[
        "--set-json",
        r#"global={"imageRegistry":"x","any":[1]}"#,
        "--set-json",
        "enabled=true",
    ]);
    assert!(said.unwrap().is_ok());
}

/// Path and default of every value.
fn leaves(path: &str, value: &Value, into: &mut Vec<(String, Value)>) {
    match value.as_object() {
        Some(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(&path, value, into);
            }
        }
        _ => into.push((path.to_owned(), value.clone())),
    }
}

/// The value that differs from what `everything.yaml` says: the default, or what a switch is not.
fn other(path: &str, default: &Value, everything: &Value) -> Value {
    let pointer = format!("/{}", path.replace('.', "/"));
    let set = everything
        .pointer(&pointer)
        .ok_or_else(|| format!("tests/everything.yaml does not set {path}"))
        .unwrap();
    match set {
        Value::Bool(set) => json!(!set),
        set => {
            assert_ne!(set, default, "tests/everything.yaml sets {path} to its default");
            default.clone()
        }
    }
}

#[test]
fn each_value_changes_what_is_installed() {
    let Some(helm) = Helm::find("each_value_changes_what_is_installed") else { return };
    let read = |name: &str| fs::read_to_string(folder().join(name)).unwrap();
    let read = helm.read_yaml(&[&read("values.yaml"), &read("tests/everything.yaml")]).unwrap();
    let [defaults, everything] = read.as_slice() else { panic!("two files are read") };
    let mut all = Vec::new();
    leaves("", defaults, &mut all);
    let file = folder().join("tests/everything.yaml");
    let render = |set: &[&str]| {
        let rendered = helm.template(&[&["-f", file.to_str().unwrap()], set].concat()).unwrap();
        rendered.unwrap_or_else(|message| panic!("{set:?}: {message}"))
    };
    let with_all = render(&[]);
    for (path, default) in all {
        // The full name hides the name.
        let mut base = with_all.clone();
        let mut set = vec!["--set-json".to_owned(), format!("{path}={}", other(&path, &default, everything))];
        if path == "nameOverride" {
            base = render(&["--set", "fullnameOverride="]);
            set.extend(["--set".to_owned(), "fullnameOverride=".to_owned()]);
        }
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        assert_ne!(render(&set), base, "{path} changes nothing");
    }
}
