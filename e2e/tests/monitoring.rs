//! Dashboards, alerts and runbooks: they belong together, and each alert fires and stays silent when it should.
#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use headroom_e2e::chart::{Helm, checker, folder, root};
use headroom_e2e::cluster::Checker;
use serde_json::{Value, json};

fn rules(helm: &Helm) -> Value {
    let text = fs::read_to_string(folder().join("files/rules/headroom.yaml")).unwrap();
    helm.read_yaml(&[&text]).unwrap().remove(0)
}

fn alerts(helm: &Helm) -> Vec<Value> {
    let groups = rules(helm)["groups"].as_array().unwrap().clone();
    let all = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
    all.filter(|rule| rule.get("alert").is_some()).collect()
}

fn dashboards() -> Vec<Value> {
    let files = fs::read_dir(folder().join("files/dashboards")).unwrap();
    files
        .map(|file| serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap())
        .collect()
}

#[test]
fn rules_hold_their_cases() {
    let Some(promtool) = checker(Checker::Promtool, "rules_hold_their_cases") else { return };
    for arguments in
        [["check", "rules", "files/rules/headroom.yaml"], ["test", "rules", "tests/rules_test.yaml"]]
    {
        let output = Command::new(&promtool).args(arguments).current_dir(folder()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn each_alert_has_its_cases_and_its_runbook() {
    let Some(helm) = Helm::find("each_alert_has_its_cases_and_its_runbook") else { return };
    let cases = fs::read_to_string(folder().join("tests/rules_test.yaml")).unwrap();
    let runbooks = fs::read_to_string(root().join("docs/runbooks.md")).unwrap();
    let alerts = alerts(&helm);
    assert!(alerts.len() >= 15, "the rules are read");
    for alert in &alerts {
        let name = alert["alert"].as_str().unwrap();
        for case in [format!("- name: {name} fires"), format!("- name: {name} is silent")] {
            assert!(cases.contains(&case), "tests/rules_test.yaml has no case \"{case}\"");
        }
        let section =
            runbooks.split_once(&format!("\n## {name}\n")).map(|(_, rest)| rest.split("\n## ").next());
        let section = section.flatten().unwrap_or_else(|| panic!("docs/runbooks.md has no section {name}"));
        for part in ["**Meaning.**", "**Impact.**", "**Diagnosis.**", "**Mitigation.**"] {
            assert!(section.contains(part), "{name}: {part}");
        }
        assert!(["critical", "warning"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{name}");
        let notes = &alert["annotations"];
        let anchor = format!("https://headroom.dev/runbooks#{}", name.to_lowercase());
        assert_eq!(notes["runbook_url"], anchor, "{name}");
        assert!(notes["summary"].is_string() && notes["description"].is_string(), "{name}");
    }
    let sections = runbooks.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(sections, alerts.len(), "docs/runbooks.md has a section of an alert that is gone");
}

/// The base addresses are values; with their defaults the rules are those of the file.
#[test]
fn the_chart_changes_addresses_alone() {
    let Some(helm) = Helm::find("the_chart_changes_addresses_alone") else { return };
    let installed = |arguments: &[&str]| {
        let manifests =
            helm.manifests(&[&["--set", "prometheusRule.enabled=true"], arguments].concat()).unwrap();
        manifests.into_iter().find(|value| value["kind"] == "PrometheusRule").unwrap()["spec"].clone()
    };
    assert_eq!(installed(&[]), rules(&helm));
    let addresses = "prometheusRule.runbookBaseUrl=https://a.example/b,prometheusRule.dashboardBaseUrl=https://c.example/";
    let moved = installed(&["--set", addresses]).to_string();
    let back = moved
        .replace("https://a.example/b#", "https://headroom.dev/runbooks#")
        .replace("https://c.example/d/", "/d/");
    assert_eq!(serde_json::from_str::<Value>(&back).unwrap(), rules(&helm));
    for address in ["https://a.example/b#", "https://c.example/d/"] {
        assert_eq!(moved.matches(address).count(), alerts(&helm).len());
    }
}

#[test]
fn links_lead_to_dashboards_that_exist() {
    let Some(helm) = Helm::find("links_lead_to_dashboards_that_exist") else { return };
    let uids: BTreeSet<String> =
        dashboards().iter().map(|board| board["uid"].as_str().unwrap().to_owned()).collect();
    assert_eq!(uids, ["headroom-controller", "headroom-fleet", "headroom-service"].map(str::to_owned).into());
    for alert in alerts(&helm) {
        let link = alert["annotations"]["dashboard_url"].as_str().unwrap();
        let uid = link.strip_prefix("/d/").unwrap().split('?').next().unwrap();
        assert!(uids.contains(uid), "{link}");
    }
}

/// The rules that dashboards of others are checked with: a data source to choose, a title, a description and a unit for
/// each panel, and windows that follow the resolution.
#[test]
fn panels_explain_themselves_and_follow_the_variables() {
    for board in dashboards() {
        let title = board["title"].as_str().unwrap();
        let variables: Vec<&str> = board["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|list| list["name"].as_str().unwrap())
            .collect();
        assert!(variables.starts_with(&["datasource", "cluster"]), "{title}: {variables:?}");
        let panels = board["panels"].as_array().unwrap();
        assert!(panels.len() > 5, "{title}");
        for panel in panels {
            let name = format!("{title}, {}", panel["title"]);
            assert!(panel["title"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            assert!(
                panel["description"].as_str().is_some_and(|text| text.ends_with('.')),
                "{name}: description"
            );
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: unit");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}");
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{name}");
                assert!(query.contains(r#"cluster=~"$cluster""#), "{name}: {query}");
                if query.contains("rate(") {
                    assert!(query.contains("[$__rate_interval]"), "{name}: {query}");
                }
            }
        }
    }
}

/// Prometheus' own parser reads every query, with Grafana's variables filled in.
#[test]
fn queries_of_the_dashboards_are_valid() {
    let Some(promtool) = checker(Checker::Promtool, "queries_of_the_dashboards_are_valid") else { return };
    let boards = dashboards();
    let queries = boards.iter().flat_map(|board| {
        let panels =
            board["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
        panels.chain(board["annotations"]["list"].as_array().unwrap())
    });
    let rules = queries.enumerate().map(|(index, query)| {
        let query = query["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
        json!({ "record": "a:b", "labels": { "index": index.to_string() }, "expr": query })
    });
    let rules: Vec<Value> = rules.collect();
    assert!(rules.len() > 50, "the queries are found");
    let rules = json!({ "groups": [{ "name": "queries", "rules": rules }] }).to_string();
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    fs::write(file.path(), rules).unwrap();
    let output = Command::new(promtool).args(["check", "rules"]).arg(file.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
