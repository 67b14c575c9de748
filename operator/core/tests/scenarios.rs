//! Scripts over time: what the size does, and when, under loads whose right answer is known.

mod common;

use common::{KNEE, Service, policy};
use headroom_core::ReasonCode;
use headroom_core::units::Replicas;

#[test]
fn a_steady_load_settles_in_three_changes_and_stays() {
    for rate in [10.0, 340.0, 700.0, 1_500.0, 5_000.0, 12_000.0] {
        let mut service = Service::new(policy(180), 5);
        let settled = service.run(rate, 1_800).target_replicas;
        assert!(service.changes <= 3, "{rate}/s: {} changes", service.changes);
        let needed = (rate / KNEE).ceil();
        let size = f64::from(settled.0);
        assert!(
            size >= needed && size <= (needed * 1.1).ceil() + 1.0,
            "{rate}/s: {size} pods, {needed} needed"
        );
        let changes = service.changes;
        service.run(rate, 600);
        assert_eq!(service.changes, changes, "{rate}/s: moved again");
    }
}

#[test]
fn a_step_is_answered_with_a_sufficient_size_within_three_seconds() {
    let mut service = Service::new(policy(180), 5);
    service.run(1_000.0, 600);
    let decision = service.run(4_600.0, 3);
    assert!(decision.target_replicas >= Replicas(14), "{decision:#?}");
}

#[test]
fn one_wild_sample_does_not_buy_a_thousand_pods() {
    let mut service = Service::new(policy(180), 5);
    service.run(1_000.0, 300);
    let before = service.pods.len() as u32;
    let decision = service.tick(1_000_000.0);
    assert!(decision.target_replicas.0 <= (before + 4).max(2 * before), "{decision:#?}");
    assert!(decision.reasons.iter().any(|r| r.code == ReasonCode::Unconfirmed), "{decision:#?}");
}

#[test]
fn a_regression_is_learned_within_five_minutes() {
    let mut service = Service::new(policy(180), 5);
    let before = service.run(1_500.0, 900).numbers;
    assert!((before.capacity_per_pod.get() / KNEE - 1.0).abs() < 0.1, "{before:#?}");
    service.handler_seconds = 0.010 / 0.7;
    let after = service.run(1_500.0, 300).numbers;
    let slower = after.capacity_per_pod.get() / before.capacity_per_pod.get();
    assert!((slower / 0.69 - 1.0).abs() < 0.1, "{slower}: {after:#?}");
}

#[test]
fn pods_that_never_arrive_make_growth_back_off_and_say_so() {
    let mut service = Service::new(policy(180), 2);
    service.run(500.0, 60);
    let (mut blocked, mut steps_while_overdue) = (0, 0);
    for second in 0..600 {
        for pod in &mut service.pods {
            pod.never |= pod.ready.is_none();
        }
        let before = service.changes;
        let decision = service.tick(500.0 + 5.0 * f64::from(second));
        blocked += u32::from(decision.reasons.iter().any(|r| r.code == ReasonCode::ScaleUpBlocked));
        if decision.numbers.overdue_pods > Replicas(0) {
            steps_while_overdue += service.changes - before;
        }
    }
    assert!(blocked > 300, "{blocked} of 600 looks");
    assert!(steps_while_overdue <= 2, "{steps_while_overdue} steps, one in 360 s is tried");
}

#[test]
fn time_to_ready_is_learned() {
    let mut service = Service::new(policy(180), 2);
    service.start_delay = 12;
    service.run(500.0, 60);
    let decision = service.run(10_000.0, 60);
    let learned = decision.numbers.time_to_ready_seconds;
    assert!((11.0..=14.0).contains(&learned), "{learned}");
}

#[test]
fn nothing_shrinks_in_the_first_window_after_a_start_or_a_pause() {
    let mut service = Service::new(policy(180), 20);
    let decision = service.run(100.0, 179);
    assert_eq!(decision.target_replicas, Replicas(20));
    service.run(100.0, 120);
    assert_eq!(service.pods.len(), 1);
    service.resize(20);
    service.now = service.now.checked_add(jiff::SignedDuration::from_secs(600)).unwrap();
    assert_eq!(service.run(100.0, 170).target_replicas, Replicas(20), "a pause of our own");
}

#[test]
fn a_blackout_holds_the_size_and_growth_resumes_after_it() {
    let mut service = Service::new(policy(60), 5);
    service.run(1_000.0, 300);
    let before = service.pods.len();
    for pod in &mut service.pods {
        pod.silent = true;
    }
    let held = service.run(0.0, 600);
    assert_eq!(service.pods.len(), before);
    assert_eq!(held.numbers.fresh_share.get(), 0.0);
    for pod in &mut service.pods {
        pod.silent = false;
    }
    let grown = service.run(4_000.0, 20);
    assert!(grown.target_replicas >= Replicas(12), "{grown:#?}");
}

#[test]
fn frozen_counters_are_no_evidence() {
    let mut service = Service::new(policy(30), 5);
    service.run(1_500.0, 300);
    let size = service.pods.len();
    let frozen: Vec<_> = service.pods.iter().map(|p| (p.sample.at_nanos, p.sample)).collect();
    for _ in 0..300 {
        service.serve(1_500.0);
        for (pod, (_, sample)) in service.pods.iter_mut().zip(&frozen) {
            pod.sample = *sample;
            pod.sample.in_flight = 3.0;
        }
        let state = std::mem::take(&mut service.state);
        let (decision, state) =
            headroom_core::decide(&service.policy, state, &service.observation(), service.now);
        service.state = state;
        assert!(decision.target_replicas.0 as usize >= size, "{decision:#?}");
    }
}
