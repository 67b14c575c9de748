//! Targets of others: which objects are sized, who else sizes them, and what the mode allows.

use headroom_fake_api::deployment;
use serde_json::{Value, json};

use crate::world::{World, service};

fn autoscaler(target: &str) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "namespace": "shop", "name": "rival" },
        "spec": { "maxReplicas": 3, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": target } },
    })
}

/// A pod that is ready, as a kubelet shows it.
fn pod(name: &str, labels: &Value, address: &str) -> Value {
    let at = "2026-01-01T00:00:00Z";
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "namespace": "shop", "name": name, "labels": labels },
        "spec": { "containers": [{ "name": "app", "image": "app:1" }] },
        "status": {
            "phase": "Running", "podIP": address, "startTime": at,
            "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": at }],
            "containerStatuses": [{ "name": "app", "state": { "running": { "startedAt": at } }, "restartCount": 0 }],
        },
    })
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_is_sized() {
    let world = World::new();
    let mut set = deployment("shop", "ledger", 2);
    set["kind"] = "StatefulSet".into();
    world.api.seed(set);
    for index in 0..2 {
        world.api.seed(pod(
            &format!("ledger-{index}"),
            &json!({ "app": "ledger" }),
            &format!("10.9.0.{}", index + 1),
        ));
    }
    world.servers.load("shop/ledger", 500.0);
    let mut service = service("ledger");
    service["spec"]["scaleTargetRef"]["kind"] = "StatefulSet".into();
    world.api.seed(service);
    let _running = world.controller("a");
    world.run(20).await;
    let size = world.api.object("statefulsets/shop/ledger").unwrap()["spec"]["replicas"].clone();
    assert!(size.as_i64() >= Some(4), "{size}");
}

#[tokio::test(start_paused = true)]
async fn a_kind_without_a_size_is_named() {
    let world = World::new();
    let mut service = service("agent");
    service["spec"]["scaleTargetRef"]["kind"] = "DaemonSet".into();
    world.api.seed(service);
    let _running = world.controller("a");
    world.run(10).await;
    let told = world.told("agent", "Ready");
    assert_eq!(told.reason, "TargetNotFound");
    assert!(told.message.contains("a DaemonSet has no scale sub-resource"), "{}", told.message);
    assert!(!told.message.contains("scalableKinds"), "{}", told.message);
}

#[tokio::test(start_paused = true)]
async fn another_object_of_the_same_name_starts_from_nothing() {
    let world = World::with("orders", 4, 300.0).await;
    let _running = world.controller("a");
    world.run(200).await;
    let old = world.api.object("deployments/shop/orders").unwrap();
    world.api.delete("deployments/shop/orders");
    world.run(5).await;
    assert_eq!(world.reason("orders", "Ready"), "TargetNotFound");
    let known = world.writes("orders").len();
    world.api.seed(deployment("shop", "orders", 9));
    world.run(120).await;
    assert_eq!(world.size("orders"), 9, "nothing shrinks before it was seen for a window");
    world.run(300).await;
    assert!(world.size("orders") < 9);
    let writes = world.writes("orders");
    let foreign =
        writes[known..].iter().filter(|write| write.body["metadata"]["uid"] == old["metadata"]["uid"]);
    assert_eq!(foreign.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_target_replaced_between_two_looks_is_not_taken_for_the_old_one() {
    let world = World::with("orders", 8, 300.0).await;
    let _running = world.controller("a");
    // Just before it would shrink.
    world.run(170).await;
    world.api.delete("deployments/shop/orders");
    world.api.seed(deployment("shop", "orders", 8));
    world.run(100).await;
    assert!(world.tries("orders").is_empty(), "{:?}", world.sizes("orders"));
    assert_eq!(world.size("orders"), 8);
}

#[tokio::test(start_paused = true)]
async fn without_a_selector_the_size_stays() {
    let world = World::with("orders", 6, 100.0).await;
    world.api.update("deployments/shop/orders", |target| target["spec"]["selector"] = json!({}));
    let _running = world.controller("a");
    world.run(400).await;
    assert_eq!(world.size("orders"), 6);
    assert!(world.tries("orders").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_takes_the_target_at_once_and_gives_it_back() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(30).await;
    world.api.seed(autoscaler("orders"));
    world.load("orders", 1200.0);
    world.run(30).await;
    assert!(world.tries("orders").is_empty());
    let told = world.told("orders", "Ready");
    assert_eq!(told.reason, "TargetOwned");
    assert!(told.message.contains("HorizontalPodAutoscaler/rival"), "{}", told.message);
    assert!(world.events("orders").contains(&"TargetOwned".to_owned()));
    world.api.delete("horizontalpodautoscalers/shop/rival");
    let seconds = world.until(10, "it grows", || world.size("orders") >= 8).await;
    assert!(seconds <= 4.0, "{seconds} s");
    world.run(20).await;
    assert_eq!(world.reason("orders", "Ready"), "Holding");
}

#[tokio::test(start_paused = true)]
async fn time_under_another_owner_is_a_gap_in_our_looking() {
    let world = World::with("orders", 12, 300.0).await;
    let _running = world.controller("a");
    world.run(100).await;
    world.api.seed(autoscaler("orders"));
    world.run(100).await;
    world.api.delete("horizontalpodautoscalers/shop/rival");
    world.run(150).await;
    assert_eq!(world.size("orders"), 12, "the highest need of a whole window has not been seen yet");
    world.run(100).await;
    assert!(world.size("orders") < 12);
}

#[tokio::test(start_paused = true)]
async fn of_two_services_with_one_target_the_older_has_it() {
    let world = World::with("orders", 3, 300.0).await;
    let mut younger = service("younger");
    younger["spec"]["scaleTargetRef"]["name"] = "orders".into();
    world.api.seed(younger);
    let _running = world.controller("a");
    world.load("orders", 900.0);
    world.run(30).await;
    assert!(world.size("orders") >= 6);
    assert_eq!(world.reason("orders", "Ready"), "Holding");
    let told = world.told("younger", "Ready");
    assert_eq!(told.reason, "TargetOwned");
    assert!(told.message.contains("ScaledService/orders"), "{}", told.message);
}

#[tokio::test(start_paused = true)]
async fn observe_shows_and_writes_no_size() {
    let world = World::with("orders", 3, 900.0).await;
    world.edit("orders", |service| service["spec"]["mode"] = "Observe".into());
    world.api.seed(autoscaler("orders"));
    let _running = world.controller("a");
    world.run(60).await;
    assert!(world.tries("orders").is_empty());
    assert_eq!(world.reason("orders", "Paused"), "Observing");
    let told = world.told("orders", "AbleToScale");
    assert!(told.message.contains("would write"), "{}", told.message);
    assert_eq!(world.reason("orders", "Ready"), "Watching", "it holds nothing");
}

#[tokio::test(start_paused = true)]
async fn paused_keeps_the_size() {
    let world = World::with("orders", 3, 900.0).await;
    world.edit("orders", |service| service["spec"]["mode"] = "Paused".into());
    let _running = world.controller("a");
    world.run(60).await;
    assert!(world.tries("orders").is_empty());
    assert_eq!(world.reason("orders", "Paused"), "PausedByUser");
    world.edit("orders", |service| service["spec"]["mode"] = "Active".into());
    let seconds = world.until(10, "it grows", || world.size("orders") >= 6).await;
    assert!(seconds <= 4.0, "{seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_size_set_by_hand_while_paused_is_shown() {
    let world = World::with("orders", 3, 300.0).await;
    world.edit("orders", |service| service["spec"]["mode"] = "Paused".into());
    let _running = world.controller("a");
    world.run(30).await;
    let before = world.api.requests().len();
    world.resize("orders", 5);
    world.run(60).await;
    assert_eq!(world.status("orders")["replicas"], 5);
    assert!(world.told("orders", "Ready").message.contains("keeps 5 pods"));
    let requests = world.api.requests().split_off(before);
    let reads = requests.iter().filter(|record| record.subresource.as_deref() == Some("scale"));
    assert!(reads.count() <= 13, "asked every few seconds");
}

#[tokio::test(start_paused = true)]
async fn a_target_deleted_while_paused_is_told() {
    let world = World::with("orders", 2, 300.0).await;
    world.edit("orders", |service| service["spec"]["mode"] = "Paused".into());
    let _running = world.controller("a");
    world.run(30).await;
    world.api.delete("deployments/shop/orders");
    world.run(8).await;
    assert_eq!(world.reason("orders", "Ready"), "TargetNotFound");
}

#[tokio::test(start_paused = true)]
async fn who_resets_the_size_again_and_again_is_named_and_not_fought() {
    let world = World::with("orders", 3, 900.0).await;
    let _running = world.controller("a");
    for _ in 0..20 {
        world.run(30).await;
        world
            .api
            .update_as("argocd", "deployments/shop/orders", |target| target["spec"]["replicas"] = 3.into());
    }
    world.run(5).await;
    let told = world.told("orders", "AbleToScale");
    assert_eq!(told.reason, "FieldConflict", "{told:?}");
    assert!(told.message.contains("argocd"), "{}", told.message);
    assert!(world.writes("orders").len() <= 13, "{:?}", world.sizes("orders"));
}

#[tokio::test(start_paused = true)]
async fn below_the_minimum_nobody_is_waited_for() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(30).await;
    for _ in 0..10 {
        world
            .api
            .update_as("cron", "deployments/shop/orders", |target| target["spec"]["replicas"] = 0.into());
        let seconds = world.until(30, "it is back", || world.size("orders") >= 2).await;
        assert!(seconds <= 2.5, "{seconds} s below minReplicas");
        world.run(20).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_size_set_by_hand_is_kept_for_a_window() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    world.resize("orders", 9);
    world.run(170).await;
    assert_eq!(world.size("orders"), 9);
    assert!(world.events("orders").contains(&"ScaledByOther".to_owned()), "{:?}", world.events("orders"));
    world.run(60).await;
    assert!(world.size("orders") < 9);
}
