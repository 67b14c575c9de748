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

#[tokio::test(start_paused = true)]
async fn the_status_follows_a_step_of_the_load_and_the_arrival_of_its_pods() {
    let world = World::with("orders", 2, 20.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    let replicas = || world.status("orders")["display"]["replicas"].as_str().unwrap_or_default().to_owned();
    assert_eq!(replicas(), "2/40");

    world.load("orders", 900.0);
    let offered = || world.status("orders")["offeredRate"].as_i64().unwrap_or_default();
    let seconds = world.until(20, "the load is shown", || offered() >= 720).await;
    assert!(seconds <= 10.0, "{seconds} s");
    world.until(5, "the pods are on their way", || replicas().contains("->")).await;
    let ready = || world.api.objects("pods/shop").iter().filter(|pod| is_ready(pod)).count();
    world.until(30, "they are ready", || ready() >= world.size("orders") as usize).await;
    let seconds = world.until(30, "they are shown", || !replicas().contains("->")).await;
    assert!(seconds <= 3.0, "{seconds} s");

    // What differs all the time is told all the time.
    let statuses =
        world.api.writes().into_iter().filter(|record| record.subresource.as_deref() == Some("status"));
    let step: Vec<_> = statuses.map(|record| world.seconds(record.at)).filter(|at| *at > 75.0).collect();
    assert!(step.len() <= 20, "{step:?}");
}

fn is_ready(pod: &serde_json::Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
