//! What is not known: silent pods, servers that lie, many services that fall at once, and our own gaps.

use std::time::Duration;

use crate::servers::Manner;
use crate::world::{World, service};

/// Twelve pods that would be three, if they told so.
async fn oversized(manners: fn(usize) -> Manner) -> World {
    let world = World::with("orders", 12, 300.0).await;
    world.servers.behave("shop/orders", manners);
    world
}

#[tokio::test(start_paused = true)]
async fn when_all_pods_are_silent_nothing_shrinks() {
    let world = oversized(|_| Manner::Refuses).await;
    let _running = world.controller("a");
    world.run(600).await;
    assert!(world.tries("orders").is_empty());
    assert_eq!(world.told("orders", "EvidenceFresh").reason, "EvidenceAbsent");
    assert_eq!(world.reason("orders", "Ready"), "NoEvidence");
    world.servers.behave("shop/orders", |_| Manner::Tells);
    world.run(300).await;
    assert!(world.size("orders") < 12, "it shrinks once they tell");
}

#[tokio::test(start_paused = true)]
async fn pods_that_fall_silent_are_told_within_ten_seconds() {
    let world = World::with("orders", 12, 300.0).await;
    let _running = world.controller("a");
    world.run(100).await;
    world.servers.behave("shop/orders", |_| Manner::Refuses);
    let seconds =
        world.until(20, "it is told", || world.reason("orders", "EvidenceFresh") == "EvidenceAbsent").await;
    assert!(seconds <= 10.0, "{seconds} s");
    world.run(600).await;
    assert!(world.tries("orders").is_empty());
    let lost = world.events("orders").into_iter().filter(|event| event == "EvidenceLost").count();
    assert_eq!(lost, 1, "{:?}", world.events("orders"));
}

#[tokio::test(start_paused = true)]
async fn when_half_of_the_pods_are_silent_nothing_shrinks_and_growth_goes_on() {
    let world = oversized(|index| if index % 2 == 0 { Manner::Tells } else { Manner::Refuses }).await;
    let _running = world.controller("a");
    world.run(600).await;
    assert!(world.tries("orders").is_empty());
    assert_eq!(world.reason("orders", "EvidenceFresh"), "EvidencePartial");
    world.load("orders", 2400.0);
    world.until(5, "it grows", || world.size("orders") >= 15).await;
}

#[tokio::test(start_paused = true)]
async fn servers_that_lie_shrink_nothing() {
    for manner in [Manner::Garbage, Manner::Zero] {
        let world = oversized(|_| Manner::Tells).await;
        let _running = world.controller("a");
        world.run(100).await;
        world.servers.behave("shop/orders", move |_| manner);
        world.run(170).await;
        assert_eq!(world.size("orders"), 12, "{manner:?}: within a window");
        if manner == Manner::Garbage {
            world.run(400).await;
            assert_eq!(world.size("orders"), 12);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn admin_ports_that_hang_delay_no_other_service() {
    let world = World::new();
    for name in ["calm", "stuck-1", "stuck-2", "stuck-3"] {
        world.target(name, if name == "calm" { 3 } else { 30 }, 300.0);
        world.api.seed(service(name));
    }
    world.run(15).await;
    for name in ["shop/stuck-1", "shop/stuck-2", "shop/stuck-3"] {
        world.servers.behave(name, |_| Manner::Hangs);
    }
    let _running = world.controller("a");
    world.run(60).await;
    world.load("calm", 1200.0);
    let seconds = world.until(10, "it grows", || world.size("calm") >= 8).await;
    assert!(seconds <= 3.0, "{seconds} s");
    assert_eq!(world.size("stuck-1"), 30);
    assert_eq!(world.reason("stuck-1", "EvidenceFresh"), "EvidenceAbsent");
}

#[tokio::test(start_paused = true)]
async fn when_many_services_fall_at_once_none_shrinks_for_five_minutes() {
    let world = World::new();
    let names: Vec<_> = (0..20).map(|number| format!("team-{number}/web")).collect();
    for name in &names {
        world.target(name, 6, 700.0);
        let mut service = service(name);
        service["spec"]["behavior"] =
            serde_json::json!({ "scaleDown": { "stabilizationWindowSeconds": 20 } });
        world.api.seed(service);
    }
    world.run(15).await;
    world.still();
    let _running = world.controller("a");
    world.run(90).await;
    let sizes = || names.iter().map(|name| world.size(name)).collect::<Vec<_>>();
    let before = sizes();
    names[..8].iter().for_each(|name| world.load(name, 200.0));
    world.run(30).await;
    world.load(&names[19], 2000.0);
    world.run(250).await;
    let after = sizes();
    assert_eq!(after[..19], before[..19]);
    assert!(after[19] > before[19], "growth goes on");
    assert_eq!(world.reason(&names[0], "Limited"), "Frozen");
    world.run(180).await;
    assert!(sizes()[..8].iter().all(|size| *size < 6), "{:?}", sizes());
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_our_own_looking_begins_a_new_window() {
    let world = World::with("orders", 12, 1700.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    let size = world.size("orders");
    world.load("orders", 300.0);
    world.run(150).await;
    // The process is stopped for half a minute: no timer fires in it.
    tokio::time::advance(Duration::from_secs(30)).await;
    world.run(170).await;
    assert_eq!(world.size("orders"), size, "{:?}", world.sizes("orders"));
    world.run(60).await;
    assert!(world.size("orders") < size);
}

/// A defect of ours that one service brings out: the others notice nothing.
#[tokio::test(start_paused = true)]
async fn a_service_that_makes_us_panic_is_left_alone_for_a_minute() {
    let world = World::with("calm", 3, 300.0).await;
    world.target("broken", 3, 300.0);
    world.api.seed(service("broken"));
    let running = world.controller("a");
    world.run(30).await;
    let quarantined = |count: u32| {
        let (name, value) = ("headroom_quarantined_services", format!(" {count}.0"));
        running.cx.metrics.text().lines().any(|line| line.starts_with(name) && line.ends_with(&value))
    };
    assert!(quarantined(0));
    world.servers.behave("shop/broken", |_| Manner::Panics);
    world.run(5).await;
    assert!(quarantined(1), "{}", running.cx.metrics.text());
    assert_eq!(world.reason("broken", "Ready"), "InvalidSpec");
    world.load("calm", 1200.0);
    world.until(10, "the other grows", || world.size("calm") >= 8).await;
    world.servers.behave("shop/broken", |_| Manner::Tells);
    world.run(70).await;
    assert!(quarantined(0));
    assert_eq!(world.reason("broken", "Ready"), "Holding");
}
