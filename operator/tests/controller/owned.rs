//! The bundled workload: objects are applied without a size, and the size goes through `/scale`.

use std::sync::Arc;

use headroom_fake_api::{Fault, Rule, Verb};
use serde_json::{Value, json};

use crate::world::{World, service};

/// A service that owns its Deployment.
pub fn bundled(name: &str) -> Value {
    let mut service = service(name);
    service["spec"]["scaleTargetRef"].take();
    service["spec"]["workload"] = json!({ "image": "registry.example/orders:1" });
    service["spec"]["minReplicas"] = 3.into();
    service
}

fn world() -> World {
    let world = World::new();
    world.pods_of("orders", 200.0);
    world.api.seed(bundled("orders"));
    world
}

#[tokio::test(start_paused = true)]
async fn its_objects_are_created_and_grow_by_scale_alone() {
    let world = world();
    let _running = world.controller("a");
    world.run(30).await;
    assert_eq!(world.size("orders"), 3);
    assert!(world.tries("orders").is_empty(), "created with its size");
    assert!(world.api.object("services/shop/orders").is_some());
    assert!(world.api.object("poddisruptionbudgets/shop/orders").is_some());
    let owner =
        world.api.object("deployments/shop/orders").unwrap()["metadata"]["ownerReferences"][0].clone();
    assert_eq!(owner["name"], "orders");
    world.load("orders", 900.0);
    world.run(60).await;
    assert!(world.size("orders") >= 6, "{:?}", world.sizes("orders"));
    let size = world.size("orders");
    world.edit("orders", |service| service["spec"]["workload"]["image"] = "registry.example/orders:2".into());
    world.run(5).await;
    let deployment = world.api.object("deployments/shop/orders").unwrap();
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example/orders:2");
    assert!(world.size("orders") >= size, "a new template keeps the size");
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_by_hand_comes_back_as_large() {
    let world = world();
    let _running = world.controller("a");
    world.load("orders", 900.0);
    world.run(60).await;
    let size = world.size("orders");
    world.api.delete("deployments/shop/orders");
    let seconds =
        world.until(10, "it is back", || world.api.object("deployments/shop/orders").is_some()).await;
    assert!(seconds <= 3.0, "{seconds} s");
    assert_eq!(world.size("orders"), size);
    world.run(30).await;
    assert!(world.size("orders") >= size, "{:?}", world.sizes("orders"));
}

#[tokio::test(start_paused = true)]
async fn at_rest_little_is_asked_of_the_api_server() {
    let world = world();
    let _running = world.controller("a");
    world.run(60).await;
    let before = world.api.requests().len();
    world.run(120).await;
    let requests = world.api.requests().split_off(before);
    let applies = requests
        .iter()
        .filter(|r| r.verb == Verb::Patch && r.resource == "deployments" && r.subresource.is_none());
    assert!(applies.count() <= 3);
    let reads = requests.iter().filter(|r| r.verb == Verb::Get && r.subresource.as_deref() == Some("scale"));
    assert!(reads.count() <= 26, "every five seconds");
}

#[tokio::test(start_paused = true)]
async fn an_object_of_the_same_name_that_is_not_ours_is_left_alone() {
    let world = World::new();
    world.target("orders", 3, 900.0);
    let before = world.api.object("deployments/shop/orders").unwrap();
    world.api.seed(bundled("orders"));
    let _running = world.controller("a");
    world.run(30).await;
    let after = world.api.object("deployments/shop/orders").unwrap();
    assert_eq!(before["spec"], after["spec"]);
    assert!(world.tries("orders").is_empty());
    assert_eq!(world.reason("orders", "Ready"), "WriteFailed");
    assert_eq!(world.told("orders", "Stalled").status, "True");
}

fn rolls_out(world: &World, image: &str) {
    world.edit("orders", |service| service["spec"]["workload"]["image"] = image.into());
}

fn image(world: &World) -> Value {
    let deployment = world.api.object("deployments/shop/orders").unwrap();
    deployment["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_refused_stops_no_sizing_and_is_told() {
    let world = world();
    let leader = world.controller("a");
    world.run(60).await;
    let denied = Rule::on(Verb::Patch).resource("poddisruptionbudgets");
    for client in ["a", "b"] {
        world.faults(client).inject(denied.clone(), Fault::Deny);
    }
    rolls_out(&world, "registry.example/orders:2");
    world.run(10).await;
    let told = world.told("orders", "Ready");
    assert_eq!(told.reason, "WriteFailed");
    assert!(told.message.contains("PodDisruptionBudget/orders"), "{}", told.message);
    assert_eq!(world.told("orders", "Stalled").status, "True");
    assert_eq!(world.reason("orders", "EvidenceFresh"), "EvidenceComplete", "it is still looked at");
    world.load("orders", 900.0);
    world.until(5, "it grows", || world.size("orders") >= 6).await;
    // A new leader, which never could apply it, goes on as well.
    leader.stop().await;
    let _next = world.controller("b");
    world.run(30).await;
    world.load("orders", 1800.0);
    world.until(5, "it grows", || world.size("orders") >= 12).await;
    assert_eq!(world.reason("orders", "Ready"), "WriteFailed");
    world.faults("b").clear();
    world.run(70).await;
    assert_eq!(world.reason("orders", "Ready"), "Holding");
    assert_eq!(world.told("orders", "Stalled").status, "");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_could_not_be_applied_for_long_is_told_though_nobody_can_help() {
    let world = world();
    let _running = world.controller("a");
    world.run(60).await;
    world.faults("a").inject(Rule::on(Verb::Patch).resource("services"), Fault::Status(500, None));
    rolls_out(&world, "registry.example/orders:2");
    world.run(8).await;
    assert_eq!(world.reason("orders", "Ready"), "Holding", "it may pass");
    world.run(10).await;
    let told = world.told("orders", "Ready");
    assert_eq!(told.reason, "WriteFailed");
    assert!(told.message.contains("Service/orders"), "{}", told.message);
    assert_eq!(world.told("orders", "Stalled").status, "");
}

#[tokio::test(start_paused = true)]
async fn beside_another_owner_and_while_paused_the_template_is_kept_up_to_date() {
    let world = world();
    let _running = world.controller("a");
    world.run(30).await;
    world.api.seed(json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "namespace": "shop", "name": "rival" },
        "spec": { "maxReplicas": 3, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "orders" } },
    }));
    world.run(5).await;
    assert_eq!(world.reason("orders", "Ready"), "TargetOwned");
    rolls_out(&world, "registry.example/orders:2");
    world.run(5).await;
    assert_eq!(image(&world), "registry.example/orders:2");
    world.edit("orders", |service| service["spec"]["mode"] = "Paused".into());
    rolls_out(&world, "registry.example/orders:3");
    world.run(5).await;
    assert_eq!(image(&world), "registry.example/orders:3");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_changed_since_it_was_read_is_read_again() {
    let world = world();
    let _running = world.controller("a");
    world.run(30).await;
    let old = Arc::new(|object: &mut Value| object["metadata"]["resourceVersion"] = "1".into());
    let reads = Rule::on(Verb::Get).resource("deployments").named("orders");
    world.faults("a").inject(reads, Fault::Rewrite(old));
    rolls_out(&world, "registry.example/orders:2");
    world.run(3).await;
    assert_eq!(image(&world), "registry.example/orders:1");
    world.faults("a").clear();
    world.run(5).await;
    assert_eq!(image(&world), "registry.example/orders:2");
}

fn owners(world: &World, path: &str) -> Vec<Value> {
    let object = world.api.object(path).unwrap();
    object["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default()
}

const OBJECTS: [&str; 3] =
    ["deployments/shop/orders", "services/shop/orders", "poddisruptionbudgets/shop/orders"];

#[tokio::test(start_paused = true)]
async fn a_service_that_turns_to_its_own_deployment_gives_it_up() {
    let world = world();
    let _running = world.controller("a");
    world.run(30).await;
    assert_eq!(OBJECTS.map(|path| owners(&world, path).len()), [1, 1, 1]);
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "orders" });
    world.edit("orders", |service| {
        service["spec"]["scaleTargetRef"] = target;
        service["spec"].as_object_mut().unwrap().remove("workload");
    });
    world.run(5).await;
    assert_eq!(OBJECTS.map(|path| owners(&world, path).len()), [0, 0, 0], "they would be deleted with it");
    world.load("orders", 900.0);
    world.until(5, "it is sized on", || world.size("orders") >= 6).await;
    // And back.
    world.edit("orders", |service| service["spec"] = bundled("orders")["spec"].clone());
    world.run(5).await;
    assert_eq!(OBJECTS.map(|path| owners(&world, path).len()), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_service_left_behind_is_taken_back_as_large() {
    let world = world();
    let _running = world.controller("a");
    world.load("orders", 900.0);
    world.run(60).await;
    let size = world.size("orders");
    assert!(size >= 6);
    // kubectl delete --cascade=orphan
    world.api.delete("scaledservices/shop/orders");
    for path in OBJECTS {
        world.api.update(path, |object| object["metadata"]["ownerReferences"] = json!([]));
    }
    world.run(5).await;
    let before = world.api.object(OBJECTS[0]).unwrap()["metadata"]["uid"].clone();
    world.api.seed(bundled("orders"));
    world.run(30).await;
    assert_eq!(world.reason("orders", "Ready"), "Holding");
    assert_eq!(world.api.object(OBJECTS[0]).unwrap()["metadata"]["uid"], before);
    let service = world.api.object("scaledservices/shop/orders").unwrap();
    for path in OBJECTS {
        assert_eq!(owners(&world, path)[0]["uid"], service["metadata"]["uid"], "{path}");
    }
    assert!(world.size("orders") >= size, "{:?}", world.sizes("orders"));
}
