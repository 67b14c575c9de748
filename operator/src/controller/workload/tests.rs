//! What is built from a spec.

pub(crate) mod scripted;

use headroom_api::ScaledService;
use k8s_openapi::api::apps::v1::Deployment;
use rstest::rstest;
use serde_json::{Value, json};

use super::deployment::{applied, seed};
use super::disruption_budget::disruption_budget;
use super::service::service;
use super::*;

const MINIMAL: &str = "  workload: {}\n";
const FULL: &str = include_str!("tests/full.yaml");

/// A stored service with these lines in its spec.
#[allow(clippy::unwrap_used, reason = "test code")]
pub(super) fn stored(spec: &str) -> ScaledService {
    let text = format!(
        "apiVersion: headroom.dev/v1alpha1\nkind: ScaledService\nmetadata: {{ name: orders }}\nspec:\n  objectives:\n    \
         qps: 1000\n    latency: [{{ name: p99, quantile: \"0.99\", threshold: 100ms }}]\n{spec}"
    );
    let mut service = headroom_api::load_text("orders.yaml", &text).unwrap().remove(0);
    service.metadata.namespace = Some("shop".to_owned());
    service.metadata.uid = Some("uid-of-orders".to_owned());
    service.metadata.generation = Some(1);
    service
}

pub(super) fn verifier(keys: &str) -> Verifier {
    Verifier {
        issuer: "https://kubernetes.default.svc".to_owned(),
        jwks: format!("{{\"keys\":[{keys}]}}"),
        subject: "system:serviceaccount:headroom:controller".to_owned(),
    }
}

pub(super) fn defaults() -> Defaults {
    Defaults {
        image: "registry.example/headroom-workload:1".to_owned(),
        pull: PullPolicy::IfNotPresent,
        admin_port: NonZero::<u16>::MIN.saturating_add(9089),
        verifier: Some(verifier("{\"kid\":\"a\"}")),
    }
}

#[allow(clippy::unwrap_used, reason = "test code")]
fn deployment_of(service: &ScaledService, defaults: &Defaults, found: Option<&Deployment>) -> Deployment {
    applied(&Owned::of(service).unwrap(), defaults, found)
}

#[allow(clippy::unwrap_used, reason = "test code")]
fn template(deployment: &Deployment) -> Value {
    serde_json::to_value(&deployment.spec.as_ref().unwrap().template).unwrap()
}

#[rstest]
#[case::deployment(include_str!("tests/deployment.json"), |owned: &Owned<'_>| json!(applied(owned, &defaults(), None)))]
#[case::service(include_str!("tests/service.json"), |owned: &Owned<'_>| json!(service(owned)))]
#[case::budget(include_str!("tests/disruption-budget.json"), |owned: &Owned<'_>| json!(disruption_budget(owned)))]
fn the_objects_of_a_full_spec(#[case] golden: &str, #[case] build: fn(&Owned<'_>) -> Value) {
    let stored = stored(FULL);
    let built = build(&Owned::of(&stored).unwrap());
    let golden: Value = serde_json::from_str(golden).unwrap();
    assert_eq!(built, golden, "built: {built:#}");
}

#[test]
fn the_size_is_in_what_is_created_and_never_in_what_is_applied() {
    let mut service = stored("  workload: {}\n  minReplicas: 3\n");
    let size =
        |service: &ScaledService| seed(&Owned::of(service).unwrap(), &defaults()).spec.unwrap().replicas;
    assert_eq!(size(&service), Some(3));
    service.status = Some(headroom_api::ScaledServiceStatus { replicas: Some(7), ..Default::default() });
    assert_eq!(size(&service), Some(7), "as large as it was");
    service.spec.max_replicas = Some(5);
    assert_eq!(size(&service), Some(5));
    for found in [None, Some(&seed(&Owned::of(&service).unwrap(), &defaults()))] {
        assert_eq!(deployment_of(&service, &defaults(), found).spec.unwrap().replicas, None);
    }
}

/// Whatever the seed sets and an apply doesn't could never be removed again.
#[test]
fn every_apply_sets_what_the_seed_sets_besides_the_size() {
    fn covered(seed: &Value, applied: &Value, path: &str) {
        match seed {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                let path = format!("{path}/{name}");
                if path != "/spec/replicas" {
                    assert!(applied.get(name).is_some(), "{path} is only in the seed");
                    covered(value, &applied[name], &path);
                }
            }),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    covered(item, &applied[index], &format!("{path}/{index}"));
                }
            }
            _ => {}
        }
    }
    let (full, minimal) = (stored(FULL), stored(MINIMAL));
    let seed = seed(&Owned::of(&full).unwrap(), &defaults());
    assert_eq!(seed.spec.as_ref().unwrap().paused, Some(true), "a seed starts no pod");
    let applied = deployment_of(&minimal, &defaults(), Some(&seed));
    assert_eq!(applied.spec.as_ref().unwrap().paused, Some(false));
    covered(&json!(seed), &json!(applied), "");
}

#[rstest]
#[case::workers("  workload: {}\n  runtime: { workers: 4 }\n", true)]
#[case::what_only_the_controller_reads("  workload: {}\n  runtime: { workers: 2 }\n  minReplicas: 9\n", true)]
#[case::the_choice_of_workers("  workload: {}\n", false)]
#[case::an_image("  workload: { image: other }\n  runtime: { workers: 2 }\n", false)]
#[case::resources(
    "  workload: { pod: { resources: { requests: { cpu: 1 } } } }\n  runtime: { workers: 2 }\n",
    false
)]
fn pods_are_replaced_only_for_what_they_cannot_be_told(#[case] spec: &str, #[case] same: bool) {
    let before = deployment_of(&stored("  workload: {}\n  runtime: { workers: 2 }\n"), &defaults(), None);
    let after = deployment_of(&stored(spec), &defaults(), Some(&before));
    assert_eq!(template(&before) == template(&after), same);
}

#[test]
fn keys_roll_pods_only_when_one_is_missing() {
    let service = stored(MINIMAL);
    let with = |keys: &str| Defaults { verifier: Some(verifier(keys)), ..defaults() };
    let before = deployment_of(&service, &with("1,2"), None);
    for same in [with("1"), with("2,1"), Defaults { verifier: None, ..defaults() }] {
        assert_eq!(template(&deployment_of(&service, &same, Some(&before))), template(&before));
    }
    assert_ne!(template(&deployment_of(&service, &with("2,3"), Some(&before))), template(&before));
}

#[test]
fn without_keys_the_worker_count_is_in_the_template() {
    let off = Defaults { verifier: None, ..defaults() };
    let before = deployment_of(&stored("  workload: {}\n  runtime: { workers: 2 }\n"), &off, None);
    let after = deployment_of(&stored("  workload: {}\n  runtime: { workers: 4 }\n"), &off, Some(&before));
    assert_ne!(template(&before), template(&after));
}

#[test]
fn a_minimal_spec_is_spread_where_possible_and_asks_for_nothing_else() {
    let template = template(&deployment_of(&stored(MINIMAL), &defaults(), None));
    let spread = template["spec"]["topologySpreadConstraints"].as_array().unwrap().clone();
    let keys: Vec<_> =
        spread.iter().map(|spread| [&spread["topologyKey"], &spread["whenUnsatisfiable"]]).collect();
    let any = &json!("ScheduleAnyway");
    assert_eq!(keys, [[&json!("kubernetes.io/hostname"), any], [&json!("topology.kubernetes.io/zone"), any]]);
    for absent in ["tolerations", "nodeSelector", "volumes", "serviceAccountName", "hostNetwork"] {
        assert_eq!(template["spec"][absent], Value::Null, "{absent}");
    }
    assert_eq!(template["spec"]["containers"][0]["resources"], Value::Null);
}

/// The arguments and variables are those of the server: it starts with them.
#[test]
fn the_server_knows_every_argument_and_variable() {
    use clap::CommandFactory as _;
    let template = template(&deployment_of(&stored(FULL), &defaults(), None));
    let server = &template["spec"]["containers"][0];
    let command = headroom_workload::Args::command();
    let args = std::iter::once("headroom-workload")
        .chain(server["args"].as_array().unwrap().iter().filter_map(Value::as_str));
    command.clone().try_get_matches_from(args).unwrap();
    let known: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()).collect();
    let set = server["env"].as_array().unwrap().iter().filter_map(|variable| variable["name"].as_str());
    for name in set.filter(|name| name.starts_with("HEADROOM_WORKLOAD_")) {
        assert!(known.contains(&name), "{name} is not one of {known:?}");
    }
}

#[test]
fn what_is_not_stored_or_has_no_workload_owns_nothing() {
    let mut service = stored(MINIMAL);
    service.metadata.uid = None;
    assert!(Owned::of(&service).is_none());
    assert!(Owned::of(&stored("  scaleTargetRef: { kind: Deployment, name: orders }\n")).is_none());
}
