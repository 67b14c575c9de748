use std::collections::BTreeSet;

use kube::CustomResourceExt;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{path::Step, service::ScaledService};

fn workload() -> Value {
    json!({
        "apiVersion": "headroom.dev/v1alpha1",
        "kind": "ScaledService",
        "metadata": { "name": "orders" },
        "spec": {
            "workload": {},
            "objectives": { "qps": 1000, "latency": [{ "name": "p99", "quantile": "0.99", "threshold": "50ms" }] },
        },
    })
}

/// The base object with the value at a pointer below the spec replaced; `null` removes it.
fn with(changes: &[(&str, Value)]) -> ScaledService {
    let mut object = workload();
    for (place, value) in changes {
        set(&mut object["spec"], place, value.clone());
    }
    serde_json::from_value(object).unwrap()
}

fn set(spec: &mut Value, place: &str, value: Value) {
    let (parents, last) = place.rsplit_once('.').unwrap_or(("", place));
    let parent = parents.split('.').filter(|key| !key.is_empty()).fold(spec, |value, key| &mut value[key]);
    match value {
        Value::Null => drop(parent.as_object_mut().unwrap().remove(last)),
        value => parent[last] = value,
    }
}

/// What the API server would say: the messages of the CEL rules that fail.
fn refused_by_cel(service: &ScaledService) -> BTreeSet<String> {
    match kube::core::cel::validate_cel(service) {
        Ok(()) => BTreeSet::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    }
}

/// What the loader says: the messages of the predicates that fail.
fn refused_by_predicate(service: &ScaledService) -> BTreeSet<String> {
    let broken = all().filter(|rule| !(rule.broken_at)(&service.spec).is_empty());
    broken.map(|rule| rule.message.to_owned()).collect()
}

fn policy(kind: &str, value: u32) -> Value {
    json!({ "type": kind, "value": value, "periodSeconds": 60 })
}

fn latency(objectives: &[(&str, &str)]) -> Value {
    let objective = |(index, (quantile, threshold)): (usize, &(&str, &str))| json!({ "name": format!("o{index}"), "quantile": quantile, "threshold": threshold });
    objectives.iter().enumerate().map(objective).collect()
}

#[rstest]
#[case::a_bare_workload(&[])]
#[case::a_target(&[("workload", Value::Null), ("scaleTargetRef", json!({ "kind": "Deployment", "name": "orders" }))])]
#[case::equal_bounds(&[("minReplicas", json!(5)), ("maxReplicas", json!(5))])]
#[case::a_reserve_of_everything(&[("reserve", json!({ "qps": 1000 }))])]
#[case::the_longest_threshold(&[
    ("objectives.latency", latency(&[("0.99", "1m")])), ("workload.config", json!({ "requestTimeout": "1m" })),
])]
#[case::two_objectives(&[("objectives.latency", latency(&[("0.5", "20ms"), ("0.99", "50ms")]))])]
#[case::two_objectives_with_one_threshold(&[("objectives.latency", latency(&[("0.99", "50ms"), ("0.5", "50ms")]))])]
#[case::unlimited_growth_that_is_off(&[("behavior", json!({ "scaleUp": { "selectPolicy": "Disabled" } }))])]
#[case::shrinking_that_is_off(&[("behavior", json!({ "scaleDown": { "selectPolicy": "Disabled" } }))])]
#[case::policies_of_both_types(&[
    ("behavior", json!({ "scaleUp": { "policies": [policy("Pods", 4), policy("Percent", 200)] } })),
])]
#[case::a_timeout_at_the_threshold(&[("workload.config", json!({ "requestTimeout": "50ms" }))])]
#[case::a_queue_delay(&[("workload.config", json!({ "queueDelay": "20ms" }))])]
#[case::a_cost_at_the_threshold(&[("workload.config", json!({ "cost": { "cpu": "10ms", "wait": "40ms" } }))])]
#[case::a_grace_period_as_long_as_the_drain(&[("workload.pod", json!({ "terminationGracePeriodSeconds": 25 }))])]
#[case::own_labels(&[("workload.pod", json!({ "labels": { "team": "shop" }, "annotations": { "a/b": "c" } }))])]
#[case::requests_at_the_limits(&[("workload.pod", json!({ "resources": {
    "requests": { "cpu": "1000m", "memory": "1Gi" }, "limits": { "cpu": 1, "memory": "1024Mi" },
} }))])]
#[case::requests_without_limits(&[("workload.pod", json!({ "resources": { "requests": { "cpu": 4 } } }))])]
#[case::tolerations(&[("workload.pod", json!({ "tolerations": [
    { "operator": "Exists" },
    { "key": "spot", "value": "yes" },
    { "key": "gone", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30 },
] }))])]
#[case::volumes(&[("workload.pod", json!({ "volumes": [
    { "name": "a", "mountPath": "/a", "configMap": "a" }, { "name": "b", "mountPath": "/b", "secret": "b" },
] }))])]
fn a_sound_service_passes_both_ways(#[case] changes: &[(&str, Value)]) {
    let service = with(changes);
    assert_eq!(refused_by_cel(&service), BTreeSet::new());
    assert_eq!(refused_by_predicate(&service), BTreeSet::new());
}

/// The place below the spec and the beginning of the message of the one rule that is broken.
#[rstest]
#[case(&[("scaleTargetRef", json!({ "kind": "Deployment", "name": "orders" }))], "scaleTargetRef", "give exactly one of workload")]
#[case(&[("workload", Value::Null)], "", "give exactly one of workload")]
#[case(&[("minReplicas", json!(6)), ("maxReplicas", json!(5))], "maxReplicas", "must not be below minReplicas")]
#[case(&[("maxReplicas", json!(1))], "maxReplicas", "must not be below minReplicas (default 2)")]
#[case(&[("reserve", json!({ "qps": 1001 }))], "reserve.qps", "must not exceed objectives.qps")]
#[case(&[("objectives.latency", latency(&[("0.99", "0ms")])), ("workload", Value::Null), ("scaleTargetRef", json!({ "kind": "D", "name": "o" }))], "objectives.latency[0].threshold", "must be between 1ms and 60s")]
#[case(&[("objectives.latency", latency(&[("0.99", "61s")])), ("workload.config", json!({ "requestTimeout": "2m" }))], "objectives.latency[0].threshold", "must be between 1ms and 60s")]
#[case(&[("objectives.latency", latency(&[("0.99", "50ms"), ("0.990", "60ms")]))], "objectives.latency[1].quantile", "no two latency objectives may have the same quantile")]
#[case(&[("objectives.latency", latency(&[("0.5", "50ms"), ("0.99", "20ms")]))], "objectives.latency[1].threshold", "must not be shorter than the threshold of a lower quantile")]
#[case(&[("behavior", json!({ "scaleDown": { "policies": [policy("Percent", 101)] } }))], "behavior.scaleDown.policies[0].value", "must be at most 100 for type Percent")]
#[case(&[("behavior", json!({ "scaleUp": { "selectPolicy": "Disabled", "policies": [policy("Pods", 1)] } }))], "behavior.scaleUp.selectPolicy", "Disabled never grows")]
#[case(&[("behavior", json!({ "scaleUp": { "policies": [policy("Pods", 1), policy("Pods", 2)] } }))], "behavior.scaleUp.policies[1]", "no two policies")]
#[case(&[("behavior", json!({ "scaleDown": { "policies": [policy("Pods", 1), policy("Pods", 2)] } }))], "behavior.scaleDown.policies[1]", "no two policies")]
#[case(&[("workload.config", json!({ "requestTimeout": "49ms" }))], "workload.config.requestTimeout", "must be between the longest latency threshold and 1h")]
#[case(&[("workload.config", json!({ "requestTimeout": "2h" }))], "workload.config.requestTimeout", "must be between the longest latency threshold and 1h")]
#[case(&[("workload.config", json!({ "queueDelay": "11s" }))], "workload.config.queueDelay", "must not be longer than config.requestTimeout")]
#[case(&[("workload.config", json!({ "cost": { "cpu": "11ms", "wait": "40ms" } }))], "workload.config.cost", "cpu and wait together must not exceed")]
#[case(&[("workload.pod", json!({ "terminationGracePeriodSeconds": 24 }))], "workload.pod.terminationGracePeriodSeconds", "must cover config.drain.delay")]
#[case(&[("workload.pod", json!({ "labels": { "headroom.dev/service": "x" } }))], "workload.pod.labels[\"headroom.dev/service\"]", "labels under headroom.dev/")]
#[case(&[("workload.pod", json!({ "labels": { "app.kubernetes.io/name": "x" } }))], "workload.pod.labels[\"app.kubernetes.io/name\"]", "labels under headroom.dev/")]
#[case(&[("workload.pod", json!({ "annotations": { "headroom.dev/x": "x" } }))], "workload.pod.annotations[\"headroom.dev/x\"]", "annotations under headroom.dev/")]
#[case(&[("workload.pod", json!({ "resources": { "requests": { "cpu": "1.5" }, "limits": { "cpu": 1 } } }))], "workload.pod.resources.requests.cpu", "must not exceed resources.limits.cpu")]
#[case(&[("workload.pod", json!({ "resources": { "requests": { "memory": "1Gi" }, "limits": { "memory": "1G" } } }))], "workload.pod.resources.requests.memory", "must not exceed resources.limits.memory")]
#[case(&[("workload.pod", json!({ "tolerations": [{ "key": "a", "operator": "Exists", "value": "b" }] }))], "workload.pod.tolerations[0].value", "operator Exists compares no value")]
#[case(&[("workload.pod", json!({ "tolerations": [{ "value": "b" }] }))], "workload.pod.tolerations[0].key", "operator Equal needs a key")]
#[case(&[("workload.pod", json!({ "tolerations": [{ "key": "a", "tolerationSeconds": 1 }] }))], "workload.pod.tolerations[0].tolerationSeconds", "has a meaning only with effect NoExecute")]
#[case(&[("workload.pod", json!({ "volumes": [{ "name": "a", "mountPath": "/a" }] }))], "workload.pod.volumes[0]", "give exactly one of configMap and secret")]
#[case(&[("workload.pod", json!({ "volumes": [{ "name": "a", "mountPath": "/a", "secret": "a", "configMap": "a" }] }))], "workload.pod.volumes[0]", "give exactly one of configMap and secret")]
#[case(&[("workload.pod", json!({ "volumes": [{ "name": "a", "mountPath": "/a", "secret": "a" }, { "name": "b", "mountPath": "/a", "secret": "b" }] }))], "workload.pod.volumes[1].mountPath", "no two volumes may have the same mountPath")]
fn a_broken_rule_is_refused_both_ways_and_named(
    #[case] changes: &[(&str, Value)],
    #[case] place: &str,
    #[case] message: &str,
) {
    let service = with(changes);
    let refused = refused_by_predicate(&service);
    assert_eq!(refused_by_cel(&service), refused);
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused.iter().all(|refusal| refusal.starts_with(message)), "{refused:?}");
    let places: Vec<_> = all().flat_map(|rule| (rule.broken_at)(&service.spec)).collect();
    assert_eq!(places.iter().map(ToString::to_string).collect::<Vec<_>>(), [place]);
}

#[rstest]
#[case("orders", true)]
#[case("4orders", false)]
#[case("Orders", false)]
#[case("orders.shop", false)]
fn a_name_must_be_one_a_service_can_have(#[case] name: &str, #[case] fits: bool) {
    let mut service = with(&[]);
    service.metadata.name = Some(name.to_owned());
    assert_eq!(refused_by_cel(&service).is_empty(), fits);
    assert_eq!(regex::Regex::new(formats::SERVICE_NAME.pattern).unwrap().is_match(name), fits);
}

#[test]
fn every_rule_names_a_field_of_the_schema() {
    let crd = serde_json::to_value(ScaledService::crd()).unwrap();
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    for rule in all() {
        let field = Path::of(rule.field).0.iter().fold(spec, |schema, step| match step {
            Step::Key(key) => &schema["properties"][key],
            Step::Index(_) => &Value::Null,
        });
        assert!(field.is_object(), "{} is not in the schema", rule.field);
    }
    assert_eq!(spec["x-kubernetes-validations"].as_array().unwrap().len(), all().count());
}

fn duration() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,2}ms", "[0-9]{1,2}s", "[0-2]m", "[0-1]h", "1s[0-9]{2}ms"]
}

fn any_policy() -> impl Strategy<Value = Value> {
    (prop_oneof!["Pods", "Percent"], 1..200_u32, 1..3_u32)
        .prop_map(|(kind, value, period)| json!({ "type": kind, "value": value, "periodSeconds": period }))
}

fn any_latency() -> impl Strategy<Value = Value> {
    prop::collection::vec(
        (prop_oneof![Just("0.5"), Just("0.9"), Just("0.90"), Just("0.99")], duration()),
        1..4,
    )
    .prop_map(|list| {
        latency(&list.iter().map(|(quantile, text)| (*quantile, text.as_str())).collect::<Vec<_>>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The API server's verdict and the loader's are the same, whatever the fields hold.
    #[test]
    fn both_ways_agree_on_any_numbers(
        (min, max, qps, reserve) in (1..4_u32, 1..4_u32, 1..4_i64, 1..4_i64),
        latency in any_latency(),
        (timeout, queue, cpu, wait) in (duration(), duration(), duration(), duration()),
        (delay, drain, grace) in (duration(), duration(), 1..100_u32),
        policies in prop::collection::vec(any_policy(), 0..3),
        (cpu_request, cpu_limit) in ("[0-9]{1,4}m|[0-2](\\.[0-9])?", "[0-9]{1,4}m|[0-2](\\.[0-9])?"),
        (request, limit) in ("[0-9]{1,4}(k|Ki|M|Mi)", "[0-9]{1,4}(k|Ki|M|Mi)"),
    ) {
        let behavior = json!({ "scaleUp": { "policies": policies }, "scaleDown": { "policies": policies } });
        let service = with(&[
            ("minReplicas", json!(min)),
            ("maxReplicas", json!(max)),
            ("objectives", json!({ "qps": qps, "latency": latency })),
            ("reserve", json!({ "qps": reserve })),
            ("behavior", behavior),
            ("workload.config", json!({
                "requestTimeout": timeout, "queueDelay": queue,
                "cost": { "cpu": cpu, "wait": wait }, "drain": { "delay": delay, "timeout": drain },
            })),
            ("workload.pod", json!({
                "terminationGracePeriodSeconds": grace,
                "resources": {
                    "requests": { "cpu": cpu_request, "memory": request },
                    "limits": { "cpu": cpu_limit, "memory": limit },
                },
            })),
        ]);
        prop_assert_eq!(refused_by_cel(&service), refused_by_predicate(&service));
    }
}
