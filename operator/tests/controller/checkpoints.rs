//! What was learned: read before the first decision, written by the leader, and no reason to leave a service alone.

use std::time::Duration;

use headroom_fake_api::{Fault, Rule, Verb};
use serde_json::json;
use tokio::time::sleep;

use crate::world::{World, service};

const CHECKPOINTS: &str = "scaledservicecheckpoints";

fn saved_by(world: &World, client: &str) -> usize {
    let of = |record: &&headroom_fake_api::Record| record.resource == CHECKPOINTS && record.client == client;
    world.api.writes().iter().filter(of).count()
}

#[tokio::test(start_paused = true)]
async fn one_of_an_unknown_form_is_told_and_learned_anew() {
    let world = World::with("orders", 3, 300.0).await;
    world.api.seed(json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledServiceCheckpoint",
        "metadata": { "namespace": "shop", "name": "orders" },
        "spec": { "savedAt": { "of": "another version" }, "learned": 7 },
    }));
    let _running = world.controller("a");
    world.run(10).await;
    assert_eq!(world.reason("orders", "Ready"), "Holding");
    assert!(world.events("orders").contains(&"CheckpointIgnored".to_owned()), "{:?}", world.events("orders"));
    world.run(70).await;
    let checkpoint = world.api.object("scaledservicecheckpoints/shop/orders").unwrap();
    assert!(checkpoint["spec"]["learned"].is_string(), "{checkpoint}");
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_read_holds_up_its_service_for_half_a_minute() {
    let world = World::with("orders", 3, 900.0).await;
    let reads = Rule::on(Verb::Get).resource(CHECKPOINTS);
    world.faults("a").inject(reads, Fault::Deny);
    let _running = world.controller("a");
    world.run(20).await;
    assert!(world.tries("orders").is_empty());
    assert_eq!(world.reason("orders", "AbleToScale"), "FailedGetScale");
    world.run(25).await;
    assert!(world.size("orders") >= 6, "{:?}", world.sizes("orders"));
    assert!(world.events("orders").contains(&"CheckpointIgnored".to_owned()), "{:?}", world.events("orders"));
    assert_eq!(saved_by(&world, "a"), 0, "what is not known is not written over");
}

#[tokio::test(start_paused = true)]
async fn while_the_api_server_is_away_it_is_waited_for() {
    let world = World::with("orders", 3, 300.0).await;
    let first = world.controller("a");
    world.run(200).await;
    first.kill();
    world.faults("b").inject(Rule::on(Verb::Get).resource(CHECKPOINTS), Fault::Cut);
    let _next = world.controller("b");
    world.run(10).await;
    world.api.down(true);
    world.run(60).await;
    world.faults("b").clear();
    world.api.down(false);
    world.run(20).await;
    assert_eq!(world.reason("orders", "Ready"), "Holding");
    let told = world.told("orders", "CapacityKnown");
    assert_eq!(told.reason, "Learned", "not what is assumed before: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn the_next_leader_writes_on_top_of_what_the_last_one_wrote() {
    let world = World::with("orders", 3, 300.0).await;
    let first = world.controller("a");
    world.run(70).await;
    let _standby = world.controller("b");
    world.run(130).await;
    assert!(saved_by(&world, "a") >= 3);
    first.kill();
    world.run(40).await;
    assert_eq!(saved_by(&world, "b"), 1, "the version it had read at its start was an old one");
}

#[tokio::test(start_paused = true)]
async fn none_is_written_when_the_lease_ran_out_in_the_middle_of_a_look() {
    let world = World::new();
    world.target("orders", 3, 300.0);
    world.run(15).await;
    // The lease ends after six seconds. The look that begins in the fifth asks twice for the checkpoint.
    let _leader = world.controller("a");
    world.run(1).await;
    world.faults("a-lease").inject(Rule::any(), Fault::Stall);
    let reads = Rule::on(Verb::Get).resource(CHECKPOINTS);
    world.faults("a").inject(reads, Fault::Delay(Duration::from_millis(900)));
    sleep(Duration::from_millis(3500)).await;
    world.api.seed(service("orders"));
    world.run(10).await;
    let asked = world.api.requests().into_iter().filter(|record| record.resource == CHECKPOINTS);
    let verbs: Vec<_> = asked.map(|record| record.verb).collect();
    assert_eq!(verbs, [Verb::Get, Verb::Get]);
}
