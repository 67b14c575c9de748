//! The API server is gone, slow, busy, behind, or says only half.

use std::sync::Arc;
use std::time::Duration;

use headroom_fake_api::{Fault, Rule, Verb};
use serde_json::Value;

use crate::world::{World, scale_of, service};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn after_a_minute_without_api_server_the_first_write_suffices() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    world.api.down(true);
    world.run(30).await;
    world.load("orders", 1200.0);
    world.run(30).await;
    world.api.down(false);
    world.until(10, "a write", || !world.writes("orders").is_empty()).await;
    let write = &world.writes("orders")[0];
    assert!(world.seconds(write.at) - 135.0 <= 3.0, "{} s", world.seconds(write.at) - 135.0);
    assert!(write.replicas() >= Some(8), "{:?}", write.replicas());
}

#[tokio::test(start_paused = true)]
async fn without_api_server_deciding_goes_on() {
    let world = World::with("orders", 12, 1700.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    world.load("orders", 300.0);
    world.run(20).await;
    let size = world.size("orders");
    world.api.down(true);
    world.run(60).await;
    world.api.down(false);
    world.run(90).await;
    assert_eq!(world.size("orders"), size, "the window has not passed");
    world.run(40).await;
    assert!(world.size("orders") < size, "and it was not begun anew");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_too_busy_is_not_asked_again_later() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(30).await;
    let writes = Rule::writes().subresource("scale");
    let busy = world.faults("a").inject(writes, Fault::Status(429, Some(seconds(3600))));
    world.load("orders", 1200.0);
    world.run(20).await;
    assert_eq!(world.reason("orders", "AbleToScale"), "FailedUpdateScale");
    world.load("orders", 300.0);
    world.run(30).await;
    world.faults("a").remove(busy);
    let tries = world.tries("orders").len();
    world.run(60).await;
    let late = world.tries("orders").split_off(tries);
    assert!(late.iter().all(|write| write.replicas() <= Some(10)), "{:?}", world.sizes("orders"));
    assert!(tries <= 60, "{tries} tries");
}

#[tokio::test(start_paused = true)]
async fn a_slow_scale_of_one_service_delays_no_other() {
    let world = World::new();
    for name in ["slow", "calm"] {
        world.target(name, 3, 300.0);
        world.api.seed(service(name));
    }
    world.run(15).await;
    let _running = world.controller("a");
    world.run(30).await;
    world.faults("a").inject(scale_of("slow"), Fault::Delay(seconds(5)));
    world.run(20).await;
    world.load("calm", 1200.0);
    world.load("slow", 1200.0);
    let seconds = world.until(10, "the other grows", || world.size("calm") >= 8).await;
    assert!(seconds <= 3.0, "{seconds} s");
    world.run(20).await;
    assert_eq!(world.reason("slow", "AbleToScale"), "FailedGetScale");
    assert_eq!(world.reason("calm", "Ready"), "Holding");
    let open = world
        .api
        .requests()
        .into_iter()
        .filter(|record| record.handled_at.is_none() && record.at.elapsed() > Duration::from_secs(2));
    assert!(open.clone().count() > 0, "dropped at the deadline, not five seconds later");
    world.faults("a").clear();
    world.until(4, "it grows too", || world.size("slow") >= 8).await;
}

#[tokio::test(start_paused = true)]
async fn conflicts_lead_to_another_look_and_at_most_three_tries_a_tick() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(30).await;
    let write = || Rule::on(Verb::Patch).subresource("scale");
    for skip in [0, 3, 6, 9] {
        world.faults("a").inject(write().skip(skip).times(2), Fault::Status(409, None));
    }
    world.load("orders", 1200.0);
    world.run(20).await;
    assert!(world.size("orders") >= 8, "{:?}", world.sizes("orders"));
    let requests: Vec<_> = world.api.requests();
    let scale: Vec<_> =
        requests.iter().filter(|record| record.subresource.as_deref() == Some("scale")).collect();
    for pair in scale.windows(2) {
        assert!(pair.iter().any(|record| record.verb == Verb::Get), "a write is preceded by a read");
    }
    let tries = world.tries("orders");
    assert!(tries.windows(4).all(|four| four[3].at - four[0].at > Duration::from_millis(500)), "{tries:?}");
}

#[tokio::test(start_paused = true)]
async fn writes_whose_answers_were_lost_are_still_our_own() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(30).await;
    world.faults("a").inject(Rule::on(Verb::Patch).subresource("scale"), Fault::LoseAnswer);
    world.load("orders", 1200.0);
    world.run(20).await;
    assert!(world.size("orders") >= 8);
    assert!(!world.events("orders").contains(&"ScaledByOther".to_owned()), "{:?}", world.events("orders"));
}

#[tokio::test(start_paused = true)]
async fn watches_that_expire_begin_again_without_a_gap() {
    let world = World::with("orders", 6, 820.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    let sizes = world.sizes("orders");
    for _ in 0..10 {
        world.api.compact();
        world.faults("a").inject(Rule::on(Verb::Watch).times(3), Fault::Expire);
        world.run(30).await;
    }
    assert_eq!(world.sizes("orders"), sizes);
    assert_eq!(world.reason("orders", "EvidenceFresh"), "EvidenceComplete");
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_noticed_and_nothing_shrinks() {
    let world = World::with("orders", 12, 300.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    world.faults("a").inject(Rule::on(Verb::Watch).resource("pods"), Fault::Silence);
    let seconds =
        world.until(60, "it is told", || world.reason("orders", "EvidenceFresh") == "EvidenceStale").await;
    assert!(seconds <= 37.0, "{seconds} s");
    world.run(300).await;
    assert_eq!(world.size("orders"), 12);
    world.faults("a").clear();
    world.run(240).await;
    assert!(world.size("orders") < 12, "{:?}", world.told("orders", "EvidenceFresh"));
}

/// Of services, whose mode may have changed, and of autoscalers, which may have come.
#[tokio::test(start_paused = true)]
async fn every_silent_watch_is_noticed() {
    for resource in ["scaledservices", "horizontalpodautoscalers"] {
        let world = World::with("orders", 12, 300.0).await;
        let _running = world.controller("a");
        world.run(60).await;
        world.faults("a").inject(Rule::on(Verb::Watch).resource(resource), Fault::Silence);
        world.run(300).await;
        assert_eq!(world.size("orders"), 12, "{resource}");
        let told = world.told("orders", "EvidenceFresh");
        assert_eq!(told.reason, "EvidenceStale", "{resource}");
        assert!(told.message.contains(resource), "{}", told.message);
        world.load("orders", 2400.0);
        world.until(5, "it grows", || world.size("orders") > 12).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_never_came_is_made_up_for() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(30).await;
    // Of each new pod one change is lost.
    world.faults("a").inject(Rule::on(Verb::Watch).resource("pods").times(4), Fault::DropEvent);
    world.load("orders", 900.0);
    world.run(120).await;
    let size = world.size("orders");
    assert!((6..=12).contains(&size), "{:?}", world.sizes("orders"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_end_was_not_told_is_forgotten_within_five_minutes() {
    let world = World::with("orders", 4, 300.0).await;
    let _running = world.controller("a");
    world.run(30).await;
    // A pod goes, and of its changes none comes.
    let rule = world.faults("a").inject(Rule::on(Verb::Watch).resource("pods"), Fault::DropEvent);
    world.resize("orders", 3);
    world.run(10).await;
    world.faults("a").remove(rule);
    let known = || world.told("orders", "EvidenceFresh").message;
    let real = || format!("{0} of {0} running pods", world.size("orders"));
    assert!(!known().starts_with(&real()), "{}", known());
    world.run(300).await;
    assert!(known().starts_with(&real()), "{} of {}", known(), real());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_half_empty_shrinks_nothing() {
    let world = World::with("orders", 12, 1500.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    let size = world.size("orders");
    let half = Arc::new(|list: &mut Value| {
        let items = list["items"].as_array_mut().unwrap();
        let mut index = 0;
        items.retain(|_| {
            index += 1;
            index % 2 == 0
        });
    });
    world.faults("a").inject(Rule::on(Verb::List).resource("pods"), Fault::Rewrite(half));
    world.api.compact();
    world.faults("a").inject(Rule::on(Verb::Watch).resource("pods").times(1), Fault::Expire);
    world.run(5).await;
    for _ in 0..90 {
        // Whichever pods a smaller size would cost: half of those there are stay unseen.
        world.run(10).await;
        assert!(world.size("orders") >= size, "{:?}", world.sizes("orders"));
    }
    assert_eq!(world.reason("orders", "EvidenceFresh"), "EvidenceStale");
}

#[tokio::test(start_paused = true)]
async fn a_view_that_is_behind_leads_to_no_write_on_top_of_another() {
    let world = World::with("orders", 3, 300.0).await;
    let _running = world.controller("a");
    world.run(60).await;
    world.faults("a").stale();
    world.load("orders", 1200.0);
    world.run(30).await;
    let written = world.writes("orders");
    assert!(written.len() <= 1, "{:?}", world.sizes("orders"));
    world.faults("a").fresh();
    world.run(30).await;
    assert!(world.size("orders") >= 8);
}

#[tokio::test(start_paused = true)]
async fn one_verb_that_is_revoked_is_named_and_the_rest_works() {
    let world = World::with("orders", 3, 1200.0).await;
    world.faults("a").inject(Rule::on(Verb::Patch).subresource("scale"), Fault::Deny);
    let _running = world.controller("a");
    world.run(30).await;
    let told = world.told("orders", "AbleToScale");
    assert_eq!(told.reason, "FailedUpdateScale");
    assert!(told.message.contains("forbidden"), "{}", told.message);
    assert_eq!(world.reason("orders", "Ready"), "WriteFailed");
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_is_counted_by_its_cause() {
    let world = World::with("orders", 3, 300.0).await;
    world.faults("a").inject(Rule::on(Verb::List).resource("pods").times(2), Fault::Status(503, None));
    let running = world.controller("a");
    let counted = |reason: &str| {
        let line = format!(r#"headroom_api_request_errors_total{{reason="{reason}"}} "#);
        running.cx.metrics.text().lines().any(|shown| shown.starts_with(&line))
    };
    world.until(5, "a list", || counted("5xx")).await;
    world.run(60).await;
    assert!(
        !counted("4xx") && !counted("timeout") && !counted("connection"),
        "{}",
        running.cx.metrics.text()
    );
    world.faults("a-lease").inject(Rule::any(), Fault::Stall);
    world.until(5, "the lease", || counted("timeout")).await;
    world.faults("a").inject(Rule::on(Verb::Watch).resource("pods"), Fault::Deny);
    world.until(40, "a watch", || counted("4xx")).await;
}
