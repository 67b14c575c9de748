//! Large services are asked in part: they cost less, a step shows as soon, and nothing shrinks unseen.
#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, though clippy can't tell")]

mod common;

use common::{KNEE, Service, policy, spec};
use headroom_core::units::Replicas;
use headroom_core::{Answer, Ask, Decision, Policy, ReasonCode, decide};

/// Looks between two questions to the same pod.
const TURNS: usize = 5;

/// A service of about a hundred pods.
fn large(window: u64) -> Service {
    let mut spec = spec(window);
    spec.max_replicas = Some(1_000);
    Service::new(Policy::new(spec).unwrap(), 110)
}

/// One second; where the decision before asks for a sample, every fifth pod is asked.
fn tick(service: &mut Service, rate: f64, ask: Ask, second: usize) -> Decision {
    service.serve(rate);
    let mut seen = service.observation();
    for (place, pod) in seen.pods.iter_mut().enumerate() {
        if ask == Ask::Sample && !(place + second).is_multiple_of(TURNS) {
            pod.answer = Answer::NotAsked;
        }
    }
    let (decision, state) = decide(&service.policy, std::mem::take(&mut service.state), &seen, service.now);
    service.state = state;
    if decision.target_replicas != seen.replicas {
        service.changes += 1;
        service.resize(decision.target_replicas.0);
    }
    decision
}

/// `seconds` of `rate` in samples wherever the decisions allow it; the last decision, and how many looks were whole.
fn run(service: &mut Service, rate: f64, seconds: usize) -> (Decision, usize) {
    let (mut ask, mut whole, mut last) = (Ask::EveryPod, 0, None);
    for second in 0..seconds {
        whole += usize::from(ask == Ask::EveryPod);
        let decision = tick(service, rate, ask, second);
        ask = decision.ask;
        last = Some(decision);
    }
    (last.unwrap(), whole)
}

#[test]
fn a_small_service_is_asked_whole() {
    let mut service = Service::new(policy(180), 5);
    assert_eq!(service.run(1_500.0, 600).ask, Ask::EveryPod);
}

#[test]
fn a_calm_large_service_is_asked_in_samples_and_keeps_its_size() {
    let mut service = large(60);
    run(&mut service, 30_000.0, 400);
    let (changes, size) = (service.changes, service.pods.len());
    let (decision, whole) = run(&mut service, 30_000.0, 300);
    assert_eq!((service.changes, service.pods.len()), (changes, size), "{decision:#?}");
    assert!(whole <= 20, "{whole} of 300 looks were whole");
    assert_eq!(decision.numbers.fresh_share.get(), 1.0);
    assert!((decision.numbers.offered_rate.get() / 30_000.0 - 1.0).abs() < 0.001, "{decision:#?}");
}

#[test]
fn a_step_is_answered_as_soon_as_if_all_were_asked() {
    for factor in [1.5, 4.6] {
        let mut service = large(60);
        run(&mut service, 30_000.0, 400);
        let mut ask = Ask::Sample;
        let mut largest = Replicas(0);
        for second in 0..3 {
            let decision = tick(&mut service, factor * 30_000.0, ask, second);
            ask = decision.ask;
            assert_eq!(ask, Ask::EveryPod, "{decision:#?}");
            largest = largest.max(decision.target_replicas);
        }
        let needed = (factor * 30_000.0 / KNEE).ceil();
        assert!(f64::from(largest.0) >= needed, "x{factor}: {largest} pods, {needed} needed");
        assert!(f64::from(largest.0) <= 1.4 * needed, "x{factor}: {largest} pods, {needed} needed");
    }
}

#[test]
fn a_fall_makes_all_be_asked_before_the_size_shrinks() {
    let mut service = large(60);
    run(&mut service, 30_000.0, 400);
    let size = service.pods.len();
    let (mut ask, mut second, mut sampled) = (Ask::Sample, 0, false);
    while service.pods.len() == size {
        assert!(second < 200, "never shrinks");
        let asked = ask;
        let decision = tick(&mut service, 15_000.0, asked, second);
        sampled |= decision.reasons.iter().any(|reason| reason.code == ReasonCode::Sampled);
        assert!(service.pods.len() == size || asked == Ask::EveryPod, "{decision:#?}");
        (ask, second) = (decision.ask, second + 1);
    }
    assert!(sampled);
}

#[test]
fn what_was_told_counts_for_six_seconds_and_no_longer() {
    let mut service = large(60);
    run(&mut service, 30_000.0, 100);
    let fresh: Vec<_> = (0..8)
        .map(|_| {
            service.serve(30_000.0);
            let mut seen = service.observation();
            for pod in &mut seen.pods {
                pod.answer = Answer::NotAsked;
            }
            let (decision, state) =
                decide(&service.policy, std::mem::take(&mut service.state), &seen, service.now);
            service.state = state;
            assert!(decision.target_replicas >= seen.replicas, "{decision:#?}");
            decision.numbers.fresh_share.get()
        })
        .collect();
    assert!(fresh[0] == 1.0 && fresh[6..] == [0.0, 0.0], "{fresh:?}");
}

#[test]
fn a_pod_that_fell_silent_is_not_believed_because_it_is_not_asked() {
    let mut service = large(60);
    run(&mut service, 30_000.0, 100);
    let mut last = 1.0;
    for answer in [Answer::Silent, Answer::NotAsked] {
        service.serve(30_000.0);
        let mut seen = service.observation();
        let half = seen.pods.len() / 2;
        for pod in seen.pods.iter_mut().take(half) {
            pod.answer = answer;
        }
        let (decision, state) =
            decide(&service.policy, std::mem::take(&mut service.state), &seen, service.now);
        service.state = state;
        last = decision.numbers.fresh_share.get();
    }
    assert!(last < 0.6, "{last}");
}
