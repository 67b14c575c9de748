use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::controller::TargetName;
use crate::controller::workload::tests::scripted::{Call, client, status};
use crate::controller::workload::tests::{defaults, stored};

async fn apply(client: &Client, owned: &Owned<'_>, defaults: &Defaults) -> Result<TargetName, ApplyError> {
    let writer = Writer { client, leadership: &Leadership::lasting() };
    super::apply(writer, owned, defaults).await.result.map(|()| owned.target())
}

fn owned_by(uid: &str) -> Value {
    let owner = json!({ "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService", "name": "orders", "uid": uid,
        "controller": true });
    json!({ "name": "orders", "uid": "uid-of-object", "resourceVersion": "7", "ownerReferences": [owner] })
}

fn object(call: &Call, metadata: &Value) -> Value {
    let spec = if call.path.contains("/deployments") {
        json!({ "selector": {}, "template": {}, "replicas": 7 })
    } else {
        json!({})
    };
    json!({ "metadata": metadata, "spec": spec })
}

/// Nothing is there; what is written is answered.
fn empty(call: &Call) -> (u16, Value) {
    match call.method.as_str() {
        "GET" => status(404, "not found"),
        "POST" => (201, object(call, &owned_by("uid-of-orders"))),
        _ => (200, object(call, &owned_by("uid-of-orders"))),
    }
}

/// All three are there, owned by this UID.
fn there(uid: &'static str) -> impl Fn(&Call) -> (u16, Value) {
    move |call| (200, object(call, &owned_by(uid)))
}

#[tokio::test]
async fn what_is_absent_is_created_and_only_the_deployment_with_a_size() {
    let (client, calls) = client(empty);
    let service = stored("  workload: {}\n  minReplicas: 4\n");
    let target = apply(&client, &Owned::of(&service).unwrap(), &defaults()).await.unwrap();
    assert_eq!(target.to_string(), "Deployment/orders");
    let writes: Vec<_> = calls.taken().into_iter().filter(|call| call.method != "GET").collect();
    let posts: Vec<_> = writes.iter().filter(|call| call.method == "POST").collect();
    let [seed] = posts.as_slice() else { panic!("{posts:?}") };
    assert_eq!((&seed.body["spec"]["replicas"], &seed.body["spec"]["paused"]), (&json!(4), &json!(true)));
    assert!(seed.query.contains("fieldManager=headroom"), "{}", seed.query);
    for patch in writes.iter().filter(|call| call.method == "PATCH") {
        assert_eq!(patch.body["spec"].get("replicas"), None, "{}", patch.path);
        assert!(patch.query.contains("fieldManager=headroom"), "{}", patch.query);
        let seeded = patch.path.contains("/deployments/");
        assert_eq!(
            patch.query.contains("force=true"),
            seeded,
            "{}: what appeared meanwhile is not taken",
            patch.path
        );
    }
    assert_eq!(writes.len(), 4, "{writes:?}");
}

#[tokio::test]
async fn what_is_there_is_applied_to_that_very_object_without_a_size() {
    let (client, calls) = client(there("uid-of-orders"));
    let service = stored("  workload: {}\n");
    apply(&client, &Owned::of(&service).unwrap(), &defaults()).await.unwrap();
    let writes: Vec<_> = calls.taken().into_iter().filter(|call| call.method != "GET").collect();
    assert_eq!(writes.len(), 3);
    for write in writes {
        assert_eq!(
            (write.method.as_str(), &write.body["metadata"]["uid"]),
            ("PATCH", &json!("uid-of-object"))
        );
        assert_eq!(write.body["metadata"]["resourceVersion"], "7", "{}", write.path);
        assert!(write.query.contains("force=true"), "{}", write.query);
        assert_eq!(write.body["spec"].get("replicas"), None);
    }
}

#[tokio::test]
async fn nothing_is_written_once_the_lease_ran_out_during_the_reads() {
    type Answer = fn(&Call) -> (u16, Value);
    let answers: [Answer; 2] = [empty, |call| there("uid-of-orders")(call)];
    for answer in answers {
        let leadership = Leadership::lasting();
        let over = leadership.clone();
        let (client, calls) = client(move |call| {
            over.lose();
            answer(call)
        });
        let service = stored("  workload: {}\n");
        let writer = Writer { client: &client, leadership: &leadership };
        let attempted = super::apply(writer, &Owned::of(&service).unwrap(), &defaults()).await;
        assert!(attempted.result.unwrap_err().is_passing());
        assert!(calls.taken().iter().all(|call| call.method == "GET"));
    }
}

#[rstest]
#[case::a_service_that_may_not_be_read("GET", "/services/", Presence::Ours)]
#[case::a_budget_that_is_refused("PATCH", "/poddisruptionbudgets/", Presence::Ours)]
#[case::a_template_that_is_refused("PATCH", "/deployments/", Presence::Ours)]
#[case::a_deployment_that_may_not_be_read("GET", "/deployments/", Presence::Unknown)]
#[tokio::test]
async fn what_is_refused_does_not_hide_what_is_there(
    #[case] method: &'static str,
    #[case] path: &'static str,
    #[case] presence: Presence,
) {
    let (client, _) = client(move |call| {
        let refuses = call.method == method && call.path.contains(path);
        if refuses { status(403, "no") } else { there("uid-of-orders")(call) }
    });
    let service = stored("  workload: {}\n");
    let writer = Writer { client: &client, leadership: &Leadership::lasting() };
    let attempted = super::apply(writer, &Owned::of(&service).unwrap(), &defaults()).await;
    assert!(!attempted.result.unwrap_err().is_passing());
    assert_eq!(attempted.deployment, presence);
}

#[rstest]
#[case::a_former_service_of_this_name(there("uid-of-another"), "it is owned by ScaledService/orders")]
#[case::nobodys(|_: &Call| (200, json!({ "metadata": { "name": "orders", "uid": "x" } })), "scaleTargetRef")]
#[tokio::test]
async fn an_object_that_is_not_ours_is_refused_before_anything_is_written(
    #[case] answer: impl Fn(&Call) -> (u16, Value) + Send + Sync + 'static,
    #[case] said: &str,
) {
    let only_the_service =
        move |call: &Call| if call.path.contains("/services/") { answer(call) } else { empty(call) };
    let (client, calls) = client(only_the_service);
    let service = stored("  workload: {}\n");
    let error = apply(&client, &Owned::of(&service).unwrap(), &defaults()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Service/orders exists") && text.contains(said), "{text}");
    assert!(!error.is_passing());
    assert_eq!(calls.taken().iter().filter(|call| call.method != "GET").count(), 0);
}

#[rstest]
#[case::invalid(422, false)]
#[case::forbidden(403, false)]
#[case::conflict(409, true)]
#[case::too_many(429, true)]
#[case::broken(503, true)]
#[tokio::test]
async fn what_the_api_server_says_reaches_the_user(#[case] code: u16, #[case] passing: bool) {
    let (client, _) = client(move |call| match call.method.as_str() {
        "PATCH" if call.path.contains("/deployments/") => status(code, "spec.template: what is wrong"),
        _ => there("uid-of-orders")(call),
    });
    let service = stored("  workload: {}\n");
    let error = apply(&client, &Owned::of(&service).unwrap(), &defaults()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Deployment/orders") && text.contains("what is wrong"), "{text}");
    assert_eq!(error.is_passing(), passing, "{error:?}");
}

#[rstest]
#[case::port("  workload: { port: 9090 }\n", "spec.workload.port")]
#[case::variable(
    "  workload: { pod: { env: [{ name: HEADROOM_WORKLOAD_JWKS, value: mine }] } }\n",
    "spec.workload.pod.env"
)]
#[tokio::test]
async fn what_cannot_be_is_refused_without_a_call(#[case] spec: &str, #[case] field: &str) {
    let (client, calls) = client(empty);
    let service = stored(spec);
    let error = apply(&client, &Owned::of(&service).unwrap(), &defaults()).await.unwrap_err();
    assert!(error.to_string().contains(field), "{error}");
    assert_eq!(calls.taken(), []);
}

#[tokio::test]
async fn an_upkeep_that_stands_is_scaled_on_while_the_api_server_says_no() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    let fails = Arc::new(AtomicBool::new(true));
    let failing = Arc::clone(&fails);
    let (client, calls) =
        client(
            move |call| {
                if failing.load(Relaxed) { status(503, "not now") } else { there("uid-of-orders")(call) }
            },
        );
    let service = stored("  workload: {}\n");
    let owned = Owned::of(&service).unwrap();
    let leadership = Leadership::lasting();
    let writer = Writer { client: &client, leadership: &leadership };
    let (mut upkeep, start) = (crate::controller::workload::Upkeep::default(), tokio::time::Instant::now());
    let after = |seconds| start + std::time::Duration::from_secs(seconds);

    assert!(upkeep.keep(writer, &owned, Some(1), &defaults(), start).await.is_err(), "nothing stands yet");
    assert_eq!(calls.taken().iter().filter(|call| call.method != "GET").count(), 0);
    fails.store(false, Relaxed);
    assert!(upkeep.keep(writer, &owned, Some(1), &defaults(), after(1)).await.is_err(), "it is remembered");
    assert_eq!(calls.taken(), []);
    let kept = upkeep.keep(writer, &owned, Some(1), &defaults(), after(2)).await.unwrap();
    assert_eq!(kept, None);
    calls.taken();
    upkeep.keep(writer, &owned, Some(1), &defaults(), after(3)).await.unwrap();
    assert_eq!(calls.taken(), [], "nothing changed");
    fails.store(true, Relaxed);
    let kept = upkeep.keep(writer, &owned, Some(2), &defaults(), after(4)).await.unwrap();
    assert!(kept.is_some_and(|trouble| trouble.error.is_passing()));
}

/// Field management as the API server does it: who set a field decides whether it goes.
#[tokio::test(start_paused = true)]
async fn a_changed_template_keeps_the_size_and_nothing_of_the_old_one() {
    let api = headroom_fake_api::FakeApi::new();
    let client = api.client("headroom");
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "shop");
    let deployment = || api.object("deployments/shop/orders").unwrap();

    let full = stored(include_str!("../tests/full.yaml"));
    apply(&client, &Owned::of(&full).unwrap(), &defaults()).await.unwrap();
    assert_eq!(deployment()["spec"]["replicas"], json!(2));
    assert_eq!(deployment()["spec"]["template"]["metadata"]["labels"]["team"], json!("checkout"));
    assert_ne!(deployment()["spec"]["paused"], json!(true), "it runs");

    let seven = Patch::Merge(json!({ "spec": { "replicas": 7 } }));
    deployments.patch_scale("orders", &PatchParams::default(), &seven).await.unwrap();
    let before = deployment();
    apply(&client, &Owned::of(&full).unwrap(), &defaults()).await.unwrap();
    assert_eq!(deployment(), before, "applying the same again changes nothing");

    let minimal = stored("  workload: {}\n");
    apply(&client, &Owned::of(&minimal).unwrap(), &defaults()).await.unwrap();
    let after = deployment();
    assert_eq!(after["spec"]["replicas"], json!(7));
    let text = after["spec"]["template"].to_string();
    for old in ["checkout", "REGION", "orders-keys", "8000", "high", "example.com/rack"] {
        assert!(!text.contains(old), "{old} is still there: {text}");
    }
    let ports = api.object("services/shop/orders").unwrap()["spec"]["ports"].clone();
    assert_eq!(ports.as_array().map(Vec::len), Some(1), "{ports}");
    assert!(api.object("poddisruptionbudgets/shop/orders").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_disappears_comes_back_as_large_as_it_was() {
    let api = headroom_fake_api::FakeApi::new();
    let client = api.client("headroom");
    let mut service = stored("  workload: {}\n");
    service.status = Some(headroom_api::ScaledServiceStatus { replicas: Some(7), ..Default::default() });
    for _ in 0..2 {
        apply(&client, &Owned::of(&service).unwrap(), &defaults()).await.unwrap();
        assert_eq!(api.object("deployments/shop/orders").unwrap()["spec"]["replicas"], json!(7));
        api.delete("deployments/shop/orders");
    }
}
