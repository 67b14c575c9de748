//! Several replicas of the controller: one writes. (That no other ever does is checked for every test.)

use std::time::Duration;

use headroom_fake_api::{Fault, Rule, Verb};
use serde_json::Value;

use crate::world::World;

fn holder(world: &World) -> String {
    let lease = world.api.object("leases/headroom-system/headroom").unwrap_or_default();
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

fn learned(world: &World) -> Value {
    let checkpoint = world.api.object("scaledservicecheckpoints/shop/orders").unwrap();
    serde_json::from_str(checkpoint["spec"]["learned"].as_str().unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_killed_leader_is_followed_within_twenty_seconds() {
    let world = World::with("orders", 3, 300.0).await;
    let leader = world.controller("a");
    world.run(5).await;
    let _standby = world.controller("b");
    world.run(60).await;
    assert_eq!(holder(&world), "a");
    leader.kill();
    world.load("orders", 1200.0);
    let seconds = world.until(30, "the other one writes", || world.size("orders") >= 8).await;
    assert!(seconds <= 20.0, "{seconds} s");
    assert_eq!(world.writes("orders").last().unwrap().client, "b");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stops_gives_the_lease_back() {
    let world = World::with("orders", 3, 300.0).await;
    let leader = world.controller("a");
    world.run(5).await;
    let _standby = world.controller("b");
    world.run(60).await;
    leader.stop().await;
    world.load("orders", 1200.0);
    let seconds = world.until(30, "the other one writes", || world.size("orders") >= 8).await;
    assert!(seconds <= 5.0, "{seconds} s");
}

#[tokio::test(start_paused = true)]
async fn when_all_are_killed_nothing_shrinks_and_nothing_is_forgotten() {
    let world = World::with("orders", 8, 1100.0).await;
    let (a, b) = (world.controller("a"), world.controller("b"));
    world.run(200).await;
    let (size, before) = (world.size("orders"), learned(&world));
    a.kill();
    b.kill();
    world.load("orders", 300.0);
    world.run(60).await;
    let running = world.controller("c");
    let _standby = world.controller("d");
    world.run(170).await;
    assert_eq!(world.size("orders"), size, "the highest need of a whole window is not known");
    let after = learned(&world);
    assert_eq!(before["lead"][0], 10.0);
    assert_eq!(after["lead"][0], 10.0, "as learned, not as assumed before anything is known");
    assert_eq!(world.status("orders")["timeToReady"], "10s");
    assert!(
        world.reason("orders", "CapacityKnown") == "Learned",
        "{:?}",
        world.told("orders", "CapacityKnown")
    );
    world.run(60).await;
    assert!(world.size("orders") < size);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn the_write_of_a_frozen_leader_is_refused_when_it_lands() {
    let world = World::with("orders", 3, 300.0).await;
    let _frozen = world.controller("a");
    world.run(5).await;
    let _other = world.controller("b");
    world.run(60).await;
    // Its next write is on its way for half a minute; and it asks nothing else in that time.
    let late = Rule::on(Verb::Patch).subresource("scale").times(1);
    world.faults("a").inject(late, Fault::Late(Duration::from_secs(30)));
    world.load("orders", 900.0);
    world.until(5, "it is sent", || !world.tries("orders").is_empty()).await;
    let stalled =
        ["a", "a-lease"].map(|client| (client, world.faults(client).inject(Rule::any(), Fault::Stall)));
    world.run(20).await;
    assert_eq!(holder(&world), "b");
    assert!(world.size("orders") >= 6, "{:?}", world.sizes("orders"));
    world.load("orders", 1800.0);
    world.run(8).await;
    let size = world.size("orders");
    assert!(size >= 12, "{size}");
    for (client, rule) in stalled {
        world.faults(client).remove(rule);
    }
    world.run(20).await;
    let tries = world.tries("orders");
    assert_eq!((tries[0].client.as_str(), tries[0].status), ("a", Some(409)));
    assert!(world.size("orders") >= size);
    assert_eq!(holder(&world), "b");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_writing_in_time() {
    let world = World::with("orders", 3, 300.0).await;
    let _leader = world.controller("a");
    world.run(30).await;
    world.faults("a-lease").inject(Rule::any(), Fault::Stall);
    world.run(8).await;
    world.load("orders", 1200.0);
    world.run(30).await;
    assert!(world.tries("orders").is_empty(), "its lease may have been taken");
}

/// A container that crashed comes back under the name that is still in the lease.
#[tokio::test(start_paused = true)]
async fn a_replica_that_sees_nothing_keeps_no_lease_from_a_warm_one() {
    let world = World::with("orders", 3, 300.0).await;
    let leader = world.controller("a");
    world.run(5).await;
    let _standby = world.controller("b");
    world.run(60).await;
    leader.kill();
    world.faults("a").inject(Rule::on(Verb::List), Fault::Status(500, None));
    let _blind = world.controller("a");
    world.load("orders", 1200.0);
    world.until(30, "the warm one writes", || world.size("orders") >= 8).await;
    assert_eq!(holder(&world), "b");
}
