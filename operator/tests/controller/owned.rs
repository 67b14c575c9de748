//! The bundled workload: objects are applied without a size, and the size goes through `/scale`.

use headroom_fake_api::Verb;
use serde_json::{Value, json};

use crate::world::{World, service};

/// A service that owns its Deployment.
fn bundled(name: &str) -> Value {
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
    assert!(reads.count() <= 121);
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
