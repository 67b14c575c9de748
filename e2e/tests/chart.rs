//! What the Helm chart installs, read from its manifests.
#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use headroom_e2e::chart::{Helm, checker, folder, root, skip};
use headroom_e2e::cluster::Checker;
use headroom_e2e::schemas;
use serde_json::{Value, json};

fn everything() -> String {
    folder().join("tests/everything.yaml").to_str().unwrap().to_owned()
}

/// The definitions are generated and have a test of their own.
const NO_CRDS: [&str; 2] = ["--set", "crds.enabled=false"];

#[test]
fn lint_finds_nothing() {
    let Some(helm) = Helm::find("lint_finds_nothing") else { return };
    for values in [&[][..], &["-f", &everything()][..]] {
        let chart = folder();
        let mut arguments = vec!["lint", "--strict", "--kube-version", "1.30.0", chart.to_str().unwrap()];
        arguments.extend(values);
        let output = helm.run(&arguments).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn manifests_are_the_golden_ones() {
    let Some(helm) = Helm::find("manifests_are_the_golden_ones") else { return };
    let values = everything();
    for (name, arguments) in [("default", &[][..]), ("everything", &["-f", &values][..])] {
        let rendered = helm.template(&[&NO_CRDS, arguments].concat()).unwrap().unwrap();
        // Dashboards are printed as they are; their own tests read them.
        let rendered: Vec<&str> = rendered
            .split("---\n")
            .filter(|document| !document.contains("headroom/templates/dashboards.yaml"))
            .collect();
        let rendered = rendered.join("---\n");
        let path = folder().join(format!("tests/golden/{name}.yaml"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &rendered).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap();
        let difference =
            rendered.lines().zip(golden.lines()).enumerate().find(|(_, (now, then))| now != then);
        assert!(
            rendered == golden,
            "{} is not what the chart renders now; first difference: {difference:?}. UPDATE_GOLDEN=1 writes it anew",
            path.display()
        );
    }
}

#[test]
fn the_version_is_that_of_the_programs() {
    let Some(helm) = Helm::find("the_version_is_that_of_the_programs") else { return };
    let text = fs::read_to_string(folder().join("Chart.yaml")).unwrap();
    let chart = &helm.read_yaml(&[&text]).unwrap()[0];
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn definitions_are_those_of_crds_and_stay() {
    let Some(helm) = Helm::find("definitions_are_those_of_crds_and_stay") else { return };
    let files = fs::read_dir(root().join("crds"))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let files: Vec<String> = files.collect();
    let mut generated = helm.read_yaml(&files.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let key = |value: &Value| value["metadata"]["name"].as_str().unwrap().to_owned();
    generated.sort_by_key(key);
    let rendered = |arguments: &[&str]| {
        let all = helm.manifests(arguments).unwrap().into_iter();
        let mut crds: Vec<Value> = all.filter(|value| value["kind"] == "CustomResourceDefinition").collect();
        crds.sort_by_key(key);
        crds
    };
    for keep in [true, false] {
        let argument = format!("crds.keep={keep}");
        let crds = rendered(&["--set", &argument]);
        assert_eq!(crds.len(), generated.len());
        for (crd, generated) in crds.iter().zip(&generated) {
            assert_eq!(crd["spec"], generated["spec"]);
            assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep", keep);
            assert_eq!(crd["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm");
        }
    }
    assert!(rendered(&NO_CRDS).is_empty());
}

/// `group/resource verbs [names]` of every rule that the controller's service account has, with the kind of the role.
fn granted(helm: &Helm, arguments: &[&str]) -> BTreeSet<String> {
    let manifests = helm.manifests(arguments).unwrap();
    let account = manifests.iter().find(|value| value["kind"] == "ServiceAccount").unwrap();
    let bound = |role: &&Value| {
        manifests.iter().any(|binding| {
            binding["roleRef"]["kind"] == role["kind"]
                && binding["roleRef"]["name"] == role["metadata"]["name"]
                && binding["metadata"]["namespace"] == role["metadata"]["namespace"]
                && binding["subjects"][0]["name"] == account["metadata"]["name"]
        })
    };
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut granted = BTreeSet::new();
    for role in manifests.iter().filter(bound) {
        for rule in role["rules"].as_array().unwrap() {
            assert!(rule.get("nonResourceURLs").is_none());
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    let place = role["metadata"]["namespace"].as_str().unwrap_or("*");
                    let names = texts(&rule["resourceNames"]).join(",");
                    let verbs = texts(&rule["verbs"]).join(",");
                    granted
                        .insert(format!("{place} {group}/{resource} {verbs} {names}").trim_end().to_owned());
                }
            }
        }
    }
    granted
}

const SERVICES: [&str; 6] = [
    "headroom.dev/scaledservices list,watch",
    "headroom.dev/scaledservices/status patch",
    "headroom.dev/scaledservicecheckpoints get,create,patch",
    "/pods list,watch",
    "autoscaling/horizontalpodautoscalers list,watch",
    "events.k8s.io/events create,patch",
];
const TARGETS: [&str; 4] = [
    "apps/deployments get",
    "apps/deployments/scale get,patch",
    "apps/statefulsets get",
    "apps/statefulsets/scale get,patch",
];
const WORKLOAD: [&str; 3] = [
    "apps/deployments get,create,patch",
    "/services get,create,patch",
    "policy/poddisruptionbudgets get,create,patch",
];
const OWN: [&str; 3] = [
    "headroom-system coordination.k8s.io/leases create",
    "headroom-system coordination.k8s.io/leases get,update headroom",
    "headroom-system /serviceaccounts/token create headroom",
];

fn expected(places: &[&str], rules: &[&[&str]]) -> BTreeSet<String> {
    let rules = rules.concat();
    let there = places.iter().flat_map(|place| rules.iter().map(move |rule| format!("{place} {rule}")));
    there.chain(OWN.iter().map(|&rule| rule.to_owned())).collect()
}

/// Each verb that is granted stands in these tables, so one more is one more line here, to be argued for.
#[test]
fn the_controller_may_do_this_and_nothing_else() {
    let Some(helm) = Helm::find("the_controller_may_do_this_and_nothing_else") else { return };
    let all = expected(&["*"], &[&SERVICES, &TARGETS, &WORKLOAD]);
    assert_eq!(granted(&helm, &[]), all);
    let without = granted(&helm, &["--set", "workload.enabled=false"]);
    assert_eq!(without, expected(&["*"], &[&SERVICES, &TARGETS]));
    let namespaces = granted(&helm, &["--set", "watchNamespaces={shop,search}"]);
    assert_eq!(namespaces, expected(&["shop", "search"], &[&SERVICES, &TARGETS, &WORKLOAD]));
    let kinds =
        granted(&helm, &["--set-json", r#"scalableKinds=[{"group":"argoproj.io","plural":"rollouts"}]"#]);
    let rollouts = ["argoproj.io/rollouts get", "argoproj.io/rollouts/scale get,patch"];
    let own_workload = ["apps/deployments/scale get,patch"];
    assert_eq!(kinds, expected(&["*"], &[&SERVICES, &rollouts, &WORKLOAD, &own_workload]));
    for rule in &all {
        assert!(!rule.contains("secrets") && !rule.contains("/*"), "{rule}");
    }
}

#[test]
fn pods_are_restricted() {
    let Some(helm) = Helm::find("pods_are_restricted") else { return };
    let manifests = helm.manifests(&NO_CRDS).unwrap();
    let deployment = manifests.iter().find(|value| value["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let containers = pod["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    let security = &containers[0]["securityContext"];
    assert_eq!(security["capabilities"], json!({ "drop": ["ALL"] }));
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    for field in ["hostNetwork", "hostPID", "hostIPC", "volumes"] {
        assert!(pod.get(field).is_none(), "{field}");
    }
}

/// With one replica a budget of disruptions would only hold up the drain of its node.
#[test]
fn a_disruption_budget_needs_two_replicas() {
    let Some(helm) = Helm::find("a_disruption_budget_needs_two_replicas") else { return };
    let budgets = |replicas: &str| {
        let manifests = helm.manifests(&["--set", replicas]).unwrap();
        manifests.iter().filter(|value| value["kind"] == "PodDisruptionBudget").count()
    };
    assert_eq!((budgets("replicaCount=1"), budgets("replicaCount=2")), (0, 1));
}

#[test]
fn manifests_are_what_kubernetes_knows() {
    let test = "manifests_are_what_kubernetes_knows";
    let (Some(helm), Some(kubeconform)) = (Helm::find(test), checker(Checker::Kubeconform, test)) else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let manifests = [helm.manifests(&[]).unwrap(), helm.manifests(&["-f", &everything()]).unwrap()].concat();
    let kinds = manifests.iter().map(|value| value["kind"].as_str().unwrap().to_owned()).collect();
    if schemas::write(&kinds, work.path()).unwrap().is_none() {
        skip(test, "Go is missing: it loads the description of Kubernetes' kinds");
        return;
    }
    let judge = |manifests: &[Value]| {
        let file = work.path().join("manifests.yaml");
        let text: Vec<String> = manifests.iter().map(Value::to_string).collect();
        fs::write(&file, text.join("\n---\n")).unwrap();
        let mut command = Command::new(&kubeconform);
        // Kinds of the Prometheus operator are not Kubernetes' own.
        command.args(["-strict", "-summary", "-skip", "ServiceMonitor,PrometheusRule", "-schema-location"]);
        let output = command.arg(schemas::location(work.path())).arg(file).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (valid, said) = judge(&manifests);
    assert!(valid, "{said}");
    let mut wrong = manifests.iter().find(|value| value["kind"] == "Deployment").unwrap().clone();
    wrong["spec"]["template"]["spec"]["hostNetwrok"] = json!(true);
    assert!(!judge(&[wrong]).0, "a misspelt field is found");
}
