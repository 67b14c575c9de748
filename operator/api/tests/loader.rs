//! The file loader: what it takes, and word for word what a person reads when it refuses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helper functions too")]

use std::{path::Path, time};

use headroom_api::{
    Duration, Mode, ScaledService, Workers,
    behavior::{PolicyType, SelectPolicy},
    load, load_text,
};
use rstest::rstest;

const GOOD: &str = r#"apiVersion: headroom.dev/v1alpha1
kind: ScaledService
metadata:
  name: orders
spec:
  workload:
    image: shop/orders:1
  objectives:
    qps: 1000
    latency:
      - name: p99
        quantile: "0.99"
        threshold: 50ms
"#;

/// The good file with a part replaced.
fn changed(part: &str, by: &str) -> String {
    assert!(GOOD.contains(part), "{part:?} is not in the good file");
    GOOD.replacen(part, by, 1)
}

fn refused(text: &str) -> String {
    load_text("f.yaml", text).unwrap_err().to_string()
}

fn one(text: &str) -> ScaledService {
    let mut services = load_text("f.yaml", text).unwrap();
    assert_eq!(services.len(), 1);
    services.remove(0)
}

#[test]
fn every_default_of_the_schema_is_filled_in() {
    let spec = one(GOOD).spec;
    let workload = spec.workload.unwrap();
    assert_eq!((spec.min_replicas, spec.max_replicas, spec.mode), (2, None, Mode::Active));
    assert_eq!(spec.runtime.workers, Workers::Auto);
    assert_eq!(spec.objectives.availability.to_string(), "99.9");
    assert_eq!(spec.objectives.window_days, 28);
    assert_eq!(spec.behavior.scale_up.stabilization_window_seconds, 0);
    assert_eq!(spec.behavior.scale_up.policies, []);
    assert_eq!(spec.behavior.scale_down.stabilization_window_seconds, 180);
    assert_eq!(spec.behavior.scale_down.select_policy, SelectPolicy::Max);
    let policy = &spec.behavior.scale_down.policies[0];
    assert_eq!((policy.kind, policy.value, policy.period_seconds), (PolicyType::Percent, 100, 15));
    assert_eq!(workload.port, 8080);
    assert_eq!(workload.config.request_timeout.get(), time::Duration::from_secs(10));
    assert_eq!(workload.pod.termination_grace_period_seconds, 30);
}

#[test]
fn the_queue_delay_follows_the_shortest_threshold() {
    assert_eq!(one(GOOD).spec.queue_delay(), Some(Duration::from_millis(50)));
    let own = changed("    image: shop/orders:1\n", "    config: { queueDelay: 7ms }\n");
    assert_eq!(one(&own).spec.queue_delay(), Some(Duration::from_millis(7)));
}

#[rstest]
#[case("first.yaml", Mode::Active)]
#[case("scale-target.yaml", Mode::Active)]
#[case("observe.yaml", Mode::Observe)]
fn the_examples_load_and_pass_the_rules_of_the_api_server(#[case] file: &str, #[case] mode: Mode) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(file);
    let services = load(&path).unwrap();
    assert_eq!(services.len(), 1);
    assert_eq!(services[0].spec.mode, mode);
    kube::core::cel::validate_cel(&services[0]).unwrap();
}

#[test]
fn several_documents_are_several_services() {
    let both = format!("{GOOD}---\n{}---\n# nothing more\n", GOOD.replace("name: orders", "name: carts"));
    let names: Vec<_> =
        load_text("f.yaml", &both).unwrap().into_iter().map(|s| s.metadata.name.unwrap()).collect();
    assert_eq!(names, ["orders", "carts"]);
}

#[test]
fn a_loaded_service_written_as_yaml_loads_again() {
    let service = one(&changed("spec:", "spec:\n  runtime: { workers: 4 }\n  maxReplicas: 9"));
    let again = one(&serde_yaml::to_string(&service).unwrap());
    assert_eq!(again, service);
}

#[test]
fn what_the_api_server_adds_does_not_disturb() {
    let read_back = changed(
        "  name: orders\n",
        "  name: orders\n  uid: 1-2\n  generation: 3\n  creationTimestamp: \"2026-01-02T03:04:05Z\"\n  managedFields: []\n",
    );
    assert_eq!(one(&read_back).metadata.generation, Some(3));
}

#[test]
fn aliases_and_empty_fields_are_plain_yaml() {
    let text = changed("spec:", "spec:\n  minReplicas: &n 3\n  maxReplicas: *n\n  mode:\n  reserve: ~");
    let spec = one(&text).spec;
    assert_eq!(
        (spec.min_replicas, spec.max_replicas, spec.mode, spec.reserve),
        (3, Some(3), Mode::Active, None)
    );
}

/// A part of the good file, what stands there instead, and the whole error.
#[rstest]
#[case::misspelled(
    "threshold: 50ms",
    "treshold: 50ms",
    "f.yaml:13: spec.objectives.latency[0].treshold: unknown field; did you mean threshold? (allowed here: name, quantile, threshold)"
)]
#[case::duration_without_unit("50ms", "50",
    r#"f.yaml:13: spec.objectives.latency[0].threshold: must be a duration with a unit (h, m, s or ms), for example "50ms" or "1m30s"; found 50"#)]
#[case::duration_with_another_unit("50ms", "50us",
    r#"f.yaml:13: spec.objectives.latency[0].threshold: must be a duration with a unit (h, m, s or ms), for example "50ms" or "1m30s"; found "50us""#)]
#[case::duration_of_nothing(
    "50ms",
    "0ms",
    r#"f.yaml:13: spec.objectives.latency[0].threshold: must be between 1ms and 60s; found "0ms""#
)]
#[case::quantile_without_quotes(
    "\"0.99\"",
    "0.99",
    r#"f.yaml:12: spec.objectives.latency[0].quantile: must be text; write it in quotes: "0.99"; found 0.99"#
)]
#[case::quantile_as_percent("\"0.99\"", "\"99\"",
    r#"f.yaml:12: spec.objectives.latency[0].quantile: must be a quantile between 0 and 1 in quotes with at most 5 decimals, for example "0.99" (for p99, the 99th percentile); found "99""#)]
#[case::rate_as_text("qps: 1000", "qps: \"1000\"",
    r#"f.yaml:9: spec.objectives.qps: must be a whole number from 1 to 100000000, without quotes or unit; found "1000""#)]
#[case::rate_with_a_fraction(
    "qps: 1000",
    "qps: 1.5",
    "f.yaml:9: spec.objectives.qps: must be a whole number from 1 to 100000000, without quotes or unit; found 1.5"
)]
#[case::rate_of_nothing(
    "qps: 1000",
    "qps: 0",
    "f.yaml:9: spec.objectives.qps: must be from 1 to 100000000; found 0"
)]
#[case::huge_rate(
    "qps: 1000",
    "qps: 18446744073709551615",
    "f.yaml:9: spec.objectives.qps: must be from 1 to 100000000; found 18446744073709551615"
)]
#[case::field_without_value(
    "qps: 1000",
    "qps:",
    "f.yaml:9: spec.objectives.qps: required but missing: Requests per second up to which the promise holds"
)]
#[case::full_availability("qps: 1000", "qps: 1000\n    availability: \"100\"",
    r#"f.yaml:10: spec.objectives.availability: must be a percentage in quotes from "50" to "99.9999", for example "99.95" (100 would leave no error budget, and no service holds that); found "100""#)]
#[case::availability_without_quotes(
    "qps: 1000",
    "qps: 1000\n    availability: 99.95",
    r#"f.yaml:10: spec.objectives.availability: must be text; write it in quotes: "99.95"; found 99.95"#
)]
#[case::other_kind("kind: ScaledService", "kind: Deployment",
    r#"f.yaml:2: kind: "Deployment" cannot be read here; a file may hold only ScaledService (headroom.dev/v1alpha1)"#)]
#[case::other_version("v1alpha1", "v2",
    r#"f.yaml:1: apiVersion: "headroom.dev/v2" cannot be read here; a file may hold only ScaledService (headroom.dev/v1alpha1)"#)]
#[case::no_version(
    "apiVersion: headroom.dev/v1alpha1\n",
    "",
    "f.yaml:1: apiVersion: required but missing: headroom.dev/v1alpha1"
)]
#[case::no_name(
    "  name: orders\n",
    "  namespace: shop\n",
    "f.yaml:3: metadata.name: required but missing: what the service is called in its namespace"
)]
#[case::name_with_capitals("name: orders", "name: Orders",
    r#"f.yaml:4: metadata.name: must be lower-case letters, digits and '-', beginning with a letter and ending with a letter or digit (a Service is named after it); found "Orders""#)]
#[case::mode_in_lower_case(
    "spec:",
    "spec:\n  mode: active",
    r#"f.yaml:6: spec.mode: must be one of Active, Observe, Paused; found "active"; did you mean Active?"#
)]
#[case::bounds_the_wrong_way(
    "spec:",
    "spec:\n  minReplicas: 5\n  maxReplicas: 3",
    "f.yaml:7: spec.maxReplicas: must not be below minReplicas (default 2): raise maxReplicas or lower minReplicas; found 3"
)]
#[case::replicas(
    "spec:",
    "spec:\n  replicas: 3",
    "f.yaml:6: spec.replicas: unknown field; Headroom sets the size: give minReplicas and maxReplicas (allowed here: behavior, capacity, maxReplicas, minReplicas, mode, objectives, reserve, runtime, scaleTargetRef, workload)"
)]
#[case::reserve_above_the_promise(
    "spec:",
    "spec:\n  reserve: { qps: 2000 }",
    "f.yaml:6: spec.reserve.qps: must not exceed objectives.qps: beyond that rate nothing is promised; raise objectives.qps or lower the reserve; found 2000"
)]
#[case::service_account(
    "image: shop/orders:1",
    "pod: { serviceAccountName: admin }",
    "f.yaml:7: spec.workload.pod.serviceAccountName: unknown field; never allowed, as it could let a pod out of its namespace (allowed here: annotations, env, labels, nodeSelector, priorityClassName, resources, terminationGracePeriodSeconds, tolerations, topologySpread, volumes)"
)]
#[case::host_path(
    "image: shop/orders:1",
    "pod: { volumes: [{ name: a, mountPath: /a, hostPath: /etc, secret: b }] }",
    "f.yaml:7: spec.workload.pod.volumes[0].hostPath: unknown field; never allowed, as it could let a pod out of its namespace (allowed here: configMap, mountPath, name, secret)"
)]
#[case::no_target(
    "  workload:\n    image: shop/orders:1\n",
    "",
    "f.yaml:5: spec: give exactly one of workload (Headroom runs the bundled server) and scaleTargetRef (Headroom sizes an object you have)"
)]
#[case::two_targets(
    "spec:",
    "spec:\n  scaleTargetRef: { kind: Deployment, name: orders }",
    "f.yaml:6: spec.scaleTargetRef: give exactly one of workload (Headroom runs the bundled server) and scaleTargetRef (Headroom sizes an object you have)"
)]
#[case::variable_as_number(
    "image: shop/orders:1",
    "pod: { env: [{ name: A, value: 8 }] }",
    r#"f.yaml:7: spec.workload.pod.env[0].value: must be text; write it in quotes: "8"; found 8"#
)]
#[case::variable_twice(
    "image: shop/orders:1",
    "pod: { env: [{ name: A }, { name: A }] }",
    r#"f.yaml:7: spec.workload.pod.env[1].name: "A" stands in this list twice; every name must be different"#
)]
#[case::field_twice(
    "qps: 1000",
    "qps: 1000\n    qps: 2000",
    r#"f.yaml:10: spec.objectives: the field "qps" stands here twice; remove one"#
)]
#[case::mapping_for_list(
    "      - name: p99\n        quantile: \"0.99\"\n        threshold: 50ms\n",
    "      name: p99\n",
    r#"f.yaml:10: spec.objectives.latency: must be a list (each item begins with "- "); found a mapping"#
)]
#[case::list_for_mapping(
    "  objectives:\n",
    "  behavior: []\n  objectives:\n",
    "f.yaml:8: spec.behavior: must be a mapping of fields; found a list"
)]
#[case::no_objective(
    "\n      - name: p99\n        quantile: \"0.99\"\n        threshold: 50ms\n",
    " []\n",
    "f.yaml:10: spec.objectives.latency: must have 1 to 4 items; found 0"
)]
#[case::workers_in_words("spec:", "spec:\n  runtime: { workers: four }",
    r#"f.yaml:6: spec.runtime.workers: must be Auto or a whole number of threads from 1 to 1024 (without quotes); found "four""#)]
#[case::no_workers(
    "spec:",
    "spec:\n  runtime: { workers: 0 }",
    "f.yaml:6: spec.runtime.workers: must be from 1 to 1024; found 0"
)]
#[case::wrong_policy("spec:", "spec:\n  behavior: { scaleUp: { policies: [{ type: Pod, value: 4, periodSeconds: 15 }] } }",
    r#"f.yaml:6: spec.behavior.scaleUp.policies[0].type: must be one of Pods, Percent; found "Pod"; did you mean Pods?"#)]
#[case::cost_that_cannot_be_in_time(
    "image: shop/orders:1",
    "config: { cost: { wait: 60ms } }",
    "f.yaml:7: spec.workload.config.cost: cpu and wait together must not exceed any latency threshold: the mean request would be late on an idle server"
)]
#[case::label_of_the_controller("image: shop/orders:1", "pod: { labels: { headroom.dev/service: mine } }",
    r#"f.yaml:7: spec.workload.pod.labels["headroom.dev/service"]: labels under headroom.dev/ and app.kubernetes.io/ are set by the controller: remove this one; found "mine""#)]
#[case::memory_in_another_unit("image: shop/orders:1", "pod: { resources: { requests: { memory: 1gb } } }",
    r#"f.yaml:7: spec.workload.pod.resources.requests.memory: must be bytes with an optional unit (k, Ki, M, Mi, G, Gi, T, Ti), for example "256Mi"; found "1gb""#)]
#[case::tab("spec:", "spec:\n\tmode: Active", "f.yaml:6: indented with a tab; YAML takes only spaces")]
#[case::tag(
    "spec:",
    "spec:\n  mode: !env MODE",
    "f.yaml:6: spec.mode: YAML tags (!name) are not read; write the plain value"
)]
#[case::unknown_alias("spec:", "spec:\n  mode: *mode", "f.yaml:6: not valid YAML: unknown anchor")]
#[case::open_bracket(
    "latency:",
    "latency: [",
    "f.yaml:11: not valid YAML: did not find expected node content, while parsing a flow node"
)]
fn a_bad_file_is_refused_with_line_field_and_what_is_allowed(
    #[case] part: &str,
    #[case] by: &str,
    #[case] error: &str,
) {
    assert_eq!(refused(&changed(part, by)), error);
}

#[rstest]
#[case::empty("", "f.yaml:1: holds no ScaledService; it must hold at least one")]
#[case::only_comments("# a\n---\n# b\n", "f.yaml:1: holds no ScaledService; it must hold at least one")]
#[case::a_list("- a\n", "f.yaml:1: must be a mapping of fields; found a list")]
#[case::a_word("hello", "f.yaml:1: must be a mapping of fields; found \"hello\"")]
#[case::a_control_character("\u{7}", "f.yaml:1: not valid YAML: control characters are not allowed")]
fn a_file_that_holds_no_service_is_refused(#[case] text: &str, #[case] error: &str) {
    assert_eq!(refused(text), error);
}

#[test]
fn every_fault_of_a_file_is_told_at_once_in_the_order_of_the_file() {
    let text = changed(
        "spec:",
        "spec:\n  minReplicas: 0\n  maxReplica: 4\n  mode: Obsreve\n  capacity: { prior: {} }",
    )
    .replace("50ms", "50");
    assert_eq!(
        refused(&text).lines().collect::<Vec<_>>(),
        [
            "f.yaml:6: spec.minReplicas: must be from 1 to 50000; found 0",
            "f.yaml:7: spec.maxReplica: unknown field; did you mean maxReplicas? (allowed here: behavior, capacity, maxReplicas, minReplicas, mode, objectives, reserve, runtime, scaleTargetRef, workload)",
            "f.yaml:8: spec.mode: must be one of Active, Observe, Paused; found \"Obsreve\"; did you mean Observe?",
            "f.yaml:9: spec.capacity.prior.qpsPerPod: required but missing: Requests per second that one pod holds within the objectives",
            "f.yaml:17: spec.objectives.latency[0].threshold: must be a duration with a unit (h, m, s or ms), for example \"50ms\" or \"1m30s\"; found 50",
        ]
    );
}

#[test]
fn faults_in_later_documents_have_the_lines_of_the_file() {
    let text = format!("{GOOD}---\n{}", GOOD.replace("orders", "carts").replace("50ms", "soon"));
    assert!(
        refused(&text).starts_with("f.yaml:27: spec.objectives.latency[0].threshold: must be a duration")
    );
}

#[test]
fn two_services_of_one_name_are_refused() {
    assert_eq!(
        refused(&format!("{GOOD}---\n{GOOD}")),
        "f.yaml:18: metadata.name: \"orders\" is also the name of document 1 in this file"
    );
}
