//! Connections: pods that were there first are told to give the new ones their share.

use headroom_fake_api::{Rule, Verb};
use serde_json::json;

use crate::world::{World, place, service};

/// A service of two pods with its own Deployment, 200 connections, and a controller that may write to servers.
async fn world(mode: &str) -> (World, headroom::controller::start::Running) {
    let world = World::new();
    world.api.set_keys(
        json!({ "keys": [{ "kid": "a", "kty": "RSA", "alg": "RS256", "n": "AQAB", "e": "AQAB" }] }),
    );
    world.pods_of("orders", 200.0);
    let mut object = service("orders");
    object["spec"]["scaleTargetRef"].take();
    object["spec"]["workload"] = json!({ "image": "registry.example/orders:1" });
    world.api.seed(object);
    let account = json!({ "namespace": "headroom-system", "name": "headroom" });
    world.api.seed(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": account }));
    let running = world.controller_as("a", "headroom");
    world.run(30).await;
    assert_eq!(world.size("orders"), 2);
    world.edit("orders", |service| service["spec"]["mode"] = mode.into());
    world.servers.connect(&place("orders"), 200);
    assert_eq!(world.servers.connections(&place("orders")), [100, 100]);
    (world, running)
}

/// Two more pods, by hand.
async fn doubled(world: &World) {
    world.edit("orders", |service| service["spec"]["minReplicas"] = 4.into());
    if world.size("orders") == 2 {
        world.resize("orders", 4);
    }
    let ready = || world.servers.connections(&place("orders")).len() == 4;
    world.until(30, "four pods are ready", ready).await;
}

fn uneven(world: &World) -> f64 {
    let connections = world.servers.connections(&place("orders"));
    let total: u32 = connections.iter().sum();
    assert_eq!(total, 200, "{connections:?}");
    f64::from(*connections.iter().max().unwrap()) * connections.len() as f64 / f64::from(total)
}

#[tokio::test(start_paused = true)]
async fn new_pods_get_their_share_within_fifteen_seconds() {
    let (world, _running) = world("Active").await;
    doubled(&world).await;
    assert!(uneven(&world) > 1.3, "{:?}", world.servers.connections(&place("orders")));
    let seconds = world.until(15, "the connections are even", || uneven(&world) <= 1.3).await;
    assert!(seconds > 0.0);
    world.run(60).await;
    let orders = world.servers.orders(&place("orders"));
    assert!(orders.len() <= 6 && orders.iter().all(|(_, at_most)| *at_most >= 50), "{orders:?}");
    assert!(world.metric("headroom_connections_moved_total") >= 100.0);
    assert!(world.events("orders").iter().all(|event| !event.contains("onnection")));
    let tokens = world.api.requests();
    let tokens = tokens.iter().filter(|r| r.verb == Verb::Create && r.resource == "serviceaccounts");
    assert_eq!(tokens.count(), 1, "one token serves them all");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_unless_the_service_is_active() {
    for mode in ["Observe", "Paused"] {
        let (world, _running) = world(mode).await;
        doubled(&world).await;
        world.run(60).await;
        assert_eq!(world.servers.orders(&place("orders")), [], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_tokens_sizes_are_decided_all_the_same() {
    let (world, _running) = world("Active").await;
    world.faults("a").inject(Rule::any().resource("serviceaccounts"), headroom_fake_api::Fault::Deny);
    doubled(&world).await;
    world.load("orders", 900.0);
    world.run(60).await;
    assert!(world.size("orders") >= 6, "{:?}", world.sizes("orders"));
    assert_eq!(world.servers.orders(&place("orders")), []);
}
