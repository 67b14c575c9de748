//! What outlives the process, and what a state that knows only that may do.
#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, though clippy can't tell")]

mod common;

use common::{KNEE, Service, policy, spec};
use headroom_core::policy::LatencyObjective;
use headroom_core::units::{MilliCpu, Replicas};
use headroom_core::{LEARNED_VERSION, Learned, LearnedError, Policy, State, decide};
use jiff::SignedDuration;

/// A service that has learned its capacity and how long a start takes, both unlike what is assumed.
fn experienced() -> Service {
    let mut service = Service::new(policy(180), 4);
    service.start_delay = 12;
    service.run(1_200.0, 900);
    service.run(5_000.0, 300);
    service
}

/// As the checkpoint keeps it.
fn kept(state: &State) -> String {
    serde_json::to_string(&state.learned()).unwrap()
}

#[test]
fn what_was_learned_goes_on_and_nothing_shrinks_for_a_window() {
    let mut service = experienced();
    let before = service.tick(5_000.0).numbers;
    let learned: Learned = serde_json::from_str(&kept(&service.state)).unwrap();
    service.state = State::resume(learned).unwrap();
    service.resize(40);
    for pod in service.pods.iter_mut().filter(|pod| pod.ready.is_none()) {
        pod.ready = pod.created.checked_add(SignedDuration::from_secs(12)).ok();
    }
    service.now = service.now.checked_add(SignedDuration::from_secs(30)).unwrap();
    for second in 0..179 {
        let decision = service.tick(100.0);
        assert_eq!(decision.target_replicas, Replicas(40), "after {second} s: {decision:#?}");
        let now = decision.numbers;
        assert!((now.capacity_per_pod.get() / before.capacity_per_pod.get() - 1.0).abs() < 0.1, "{now:#?}");
        assert!((11.0..=14.0).contains(&now.time_to_ready_seconds), "{now:#?}");
    }
    service.run(100.0, 60);
    assert_eq!(service.pods.len(), 1, "after the window it does");
}

#[test]
fn a_fresh_state_does_not_shrink_for_a_window_either() {
    let mut service = Service::new(policy(180), 40);
    for second in 0..179 {
        assert_eq!(service.tick(100.0).target_replicas, Replicas(40), "after {second} s");
    }
}

#[test]
fn a_resumed_state_grows_at_once_by_what_it_learned() {
    let mut service = experienced();
    let learned: Learned = serde_json::from_str(&kept(&service.state)).unwrap();
    service.state = State::resume(learned).unwrap();
    let decision = service.run(12_000.0, 4);
    assert!(f64::from(decision.target_replicas.0) >= 12_000.0 / KNEE, "{decision:#?}");
}

#[test]
fn the_error_budget_goes_on() {
    let mut service = experienced();
    let before = service.tick(5_000.0).numbers.budgets[0].unwrap();
    service.state = State::resume(service.state.learned()).unwrap();
    let after = service.tick(5_000.0).numbers.budgets[0].unwrap();
    assert!(before.remaining < 1.0, "{before:?}");
    assert!((before.remaining - after.remaining).abs() < 0.001, "{before:?} {after:?}");
}

#[test]
fn another_version_is_refused_with_its_number() {
    let text =
        kept(&experienced().state).replacen(&format!("\"version\":{LEARNED_VERSION}"), "\"version\":99", 1);
    let error = State::resume(serde_json::from_str(&text).unwrap()).unwrap_err();
    assert_eq!(error, LearnedError::UnknownVersion { found: 99 });
}

#[test]
fn what_no_service_can_have_done_is_refused() {
    let good: serde_json::Value = serde_json::from_str(&kept(&experienced().state)).unwrap();
    let bad = [("/lead/0", -1.0), ("/capacities/0/1/busy", 1e300), ("/budgets/window/0/1", -5.0)];
    for (place, value) in bad {
        let mut changed = good.clone();
        *changed.pointer_mut(place).unwrap() = value.into();
        let learned = serde_json::from_value(changed).unwrap();
        assert!(matches!(State::resume(learned), Err(LearnedError::Implausible { .. })), "{place}");
    }
}

#[test]
fn it_fits_into_48_kib_and_its_budget_into_4() {
    let mut spec = spec(180);
    spec.latency = (0..4)
        .map(|place| LatencyObjective {
            name: format!("objective-{place}"),
            quantile: 0.99,
            threshold: std::time::Duration::from_millis(100),
        })
        .collect();
    let mut service = Service::new(Policy::new(spec).unwrap(), 20);
    // A month in steps of four minutes, at ten thousand requests a second, with a new revision each day.
    for step in 0..28 * 360 {
        service.serve(10_000.0);
        for pod in &mut service.pods {
            pod.sample.arrivals += 239.0 * 500.0;
            for objective in &mut pod.sample.objectives {
                objective.good += 239.0 * 490.0;
                objective.late += 239.0 * 10.0;
            }
        }
        service.now = service.now.checked_add(SignedDuration::from_secs(239)).unwrap();
        let mut seen = service.observation();
        for pod in &mut seen.pods {
            (pod.revision, pod.node_class) = (format!("{:0>60}", step / 360), "n".repeat(60));
            pod.cpu = MilliCpu(4000);
        }
        service.state = decide(&service.policy, service.state.clone(), &seen, service.now).1;
    }
    let learned = kept(&service.state);
    let budgets = serde_json::to_value(service.state.learned()).unwrap()["budgets"].to_string();
    assert!(learned.len() <= 48 * 1024, "{} bytes", learned.len());
    assert!(budgets.len() <= 4 * 1024, "{} bytes: {budgets}", budgets.len());
    assert!(budgets.len() > 2 * 1024, "it is full: {} bytes", budgets.len());
}
