//! A load that changes: sizes follow it, and rest when it rests.

use headroom_fake_api::Record;

use crate::servers::SATURATED;
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_step_is_answered_within_three_seconds_and_a_fall_later() {
    let world = World::with("orders", 4, 300.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    let before = world.size("orders");
    assert!((2..=4).contains(&before), "{before}");
    world.load("orders", 1200.0);
    let suffices = || world.size("orders") as f64 * 0.85 * SATURATED >= 1200.0;
    let seconds = world.until(10, "a size that suffices", suffices).await;
    assert!(seconds <= 3.0, "{seconds} s");
    world.run(120).await;
    let high = world.size("orders");
    assert!(high <= 11, "{high}");
    world.load("orders", 300.0);
    world.run(150).await;
    assert_eq!(world.size("orders"), high, "within the window nothing shrinks");
    world.run(300).await;
    assert!(world.size("orders") <= before.max(4), "{:?}", world.sizes("orders"));
    assert!(world.writes("orders").len() <= 20, "{:?}", world.sizes("orders"));
}

#[tokio::test(start_paused = true)]
async fn a_constant_load_is_written_once_and_told_rarely() {
    let world = World::with("orders", 3, 500.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    let sizes = world.sizes("orders");
    world.run(600).await;
    assert_eq!(world.sizes("orders"), sizes, "no write after the first minute");
    let statuses =
        world.api.writes().into_iter().filter(|record| record.subresource.as_deref() == Some("status"));
    let late: Vec<Record> = statuses.filter(|record| world.seconds(record.at) > 75.0).collect();
    assert!(late.len() <= 40, "{} in ten minutes", late.len());
    let events = world.events("orders");
    assert!(events.len() <= 4, "{events:?}");
}
