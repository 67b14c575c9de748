//! One bad object stops no other.

use serde_json::json;

use crate::world::{World, service};

#[tokio::test(start_paused = true)]
async fn objects_that_cannot_be_read_or_make_no_sense_stop_no_other() {
    let world = World::with("orders", 3, 300.0).await;
    let mut unreadable = service("unreadable");
    unreadable["spec"]["minReplicas"] = json!({ "a": ["wrong", "type"] });
    world.api.seed(unreadable);
    let mut senseless = service("senseless");
    senseless["spec"]["minReplicas"] = 50.into();
    world.api.seed(senseless);
    world.api.seed(service("without-target"));
    let _running = world.controller("a");
    world.run(30).await;
    world.load("orders", 1200.0);
    let seconds = world.until(10, "it grows", || world.size("orders") >= 8).await;
    assert!(seconds <= 3.0, "{seconds} s");
    assert_eq!(world.reason("senseless", "Ready"), "InvalidSpec");
    assert_eq!(world.reason("unreadable", "Ready"), "InvalidSpec");
    assert_eq!(world.reason("without-target", "Ready"), "TargetNotFound");
    // While it runs, too.
    world.edit("orders", |service| service["spec"]["objectives"] = "many".into());
    world.run(30).await;
    world.edit("orders", |service| {
        service["spec"]["objectives"] = crate::world::service("x")["spec"]["objectives"].clone();
    });
    world.run(10).await;
    assert_eq!(world.reason("orders", "Ready"), "Holding");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_goes_and_comes_back_is_another_one() {
    let world = World::with("orders", 12, 300.0).await;
    let _running = world.controller("a");
    world.run(100).await;
    world.api.delete("scaledservices/shop/orders");
    world.run(2).await;
    world.api.seed(service("orders"));
    world.run(150).await;
    assert_eq!(world.size("orders"), 12, "it has not been seen for a window");
    world.run(60).await;
    assert!(world.size("orders") < 12);
}
