//! Mistakes that were made once, as short scripts.
#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, though clippy can't tell")]

mod common;

use common::{KNEE, Service, policy, spec};
use headroom_core::units::Replicas;
use headroom_core::{Decision, Observation, PodState, Policy, ReasonCode, State, decide};
use jiff::SignedDuration;

fn look(service: &mut Service, seen: &Observation) -> Decision {
    let state = std::mem::take(&mut service.state);
    let (decision, state) = decide(&service.policy, state, seen, service.now);
    service.state = state;
    decision
}

#[test]
fn one_stuck_pod_delays_growth_but_does_not_end_it() {
    let mut service = Service::new(policy(180), 5);
    service.run(1_500.0, 120);
    service.resize(6);
    service.pods[5].never = true;
    service.run(1_500.0, 200);
    let grown = service.run(4_000.0, 400);
    assert!(grown.target_replicas >= Replicas(12), "{grown:#?}");
}

#[test]
fn a_bound_derived_from_the_promise_never_shrinks() {
    let mut spec = spec(180);
    (spec.max_replicas, spec.qps, spec.prior_qps_per_pod) = (None, 1_000.0, Some(100.0));
    let mut service = Service::new(Policy::new(spec).unwrap(), 100);
    for pod in &mut service.pods {
        pod.silent = true;
    }
    assert_eq!(service.tick(0.0).target_replicas, Replicas(100));
}

#[test]
fn the_first_answer_after_a_long_blackout_does_not_shrink() {
    let mut service = Service::new(policy(180), 20);
    service.run(5_000.0, 400);
    let before = service.pods.len();
    for pod in &mut service.pods {
        pod.silent = true;
    }
    service.run(0.0, 580);
    for pod in &mut service.pods {
        pod.silent = false;
    }
    service.run(0.0, 120);
    assert_eq!(service.pods.len(), before, "one window of what is seen again comes first");
}

#[test]
fn bad_answers_by_chance_make_no_pod_hot() {
    let mut service = Service::new(policy(60), 50);
    let mut hot = 0;
    for second in 0..600usize {
        service.serve(2_000.0);
        // Each pod has one late answer in 200, half of what is allowed, in bursts of two.
        let turn = second % 10;
        for (index, pod) in service.pods.iter_mut().enumerate() {
            if index % 10 == turn {
                pod.sample.objectives[0].late += 2.0;
            }
        }
        let seen = service.observation();
        let decision = look(&mut service, &seen);
        hot += usize::from(decision.reasons.iter().any(|r| r.code == ReasonCode::HotPods));
    }
    assert_eq!(hot, 0);
}

#[test]
fn silent_pods_on_their_way_out_carry_nothing() {
    let mut service = Service::new(policy(30), 10);
    service.run(2_000.0, 120);
    service.serve(2_000.0);
    let mut seen = service.observation();
    let mut leaving: Vec<_> = seen.pods.clone();
    for pod in &mut leaving {
        pod.name.push_str("-old");
        (pod.state, pod.sample) = (PodState::Terminating, None);
    }
    seen.pods.append(&mut leaving);
    let decision = look(&mut service, &seen);
    assert!(decision.numbers.demand.get() < 2_200.0, "{decision:#?}");
    assert_eq!(decision.numbers.fresh_share.get(), 1.0);
}

#[test]
fn server_errors_are_bad_answers() {
    let mut service = Service::new(policy(30), 10);
    service.run(1_000.0, 60);
    let mut decision = service.tick(1_000.0);
    for _ in 0..30 {
        service.serve(1_000.0);
        for pod in &mut service.pods {
            pod.sample.server_errors += 50.0;
        }
        let seen = service.observation();
        decision = look(&mut service, &seen);
    }
    assert!(decision.numbers.bad_over_allowed > 10.0, "{decision:#?}");
    assert!(decision.target_replicas >= decision.numbers.replicas, "{decision:#?}");
}

#[test]
fn a_night_without_requests_forgets_no_capacity() {
    let mut service = Service::new(policy(30), 5);
    let evening = service.run(1_500.0, 300).numbers.capacity_per_pod.get();
    let morning = service.run(0.0, 50_000).numbers.capacity_per_pod.get();
    assert!((morning / evening - 1.0).abs() < 0.05, "{morning} after {evening}");
}

#[test]
fn a_new_revision_begins_with_the_capacity_of_the_last_one() {
    let mut spec = spec(30);
    spec.prior_qps_per_pod = Some(50.0);
    let mut service = Service::new(Policy::new(spec).unwrap(), 5);
    service.run(1_500.0, 400);
    service.serve(1_500.0);
    let mut seen = service.observation();
    for pod in &mut seen.pods {
        pod.revision = "b".to_owned();
    }
    let first = look(&mut service, &seen).numbers.capacity_per_pod.get();
    assert!(first > 0.9 * KNEE, "{first}");
}

#[test]
fn the_first_measured_interval_is_not_confirmed() {
    let mut service = Service::new(policy(30), 2);
    service.tick(0.0);
    let decision = service.tick(100_000.0);
    assert!(decision.target_replicas <= Replicas(6), "{decision:#?}");
}

#[test]
fn many_kinds_of_pods_are_all_learned() {
    let mut service = Service::new(policy(30), 12);
    let mut confidence = 0.0;
    for _ in 0..120 {
        service.serve(3_600.0);
        let mut seen = service.observation();
        for (index, pod) in seen.pods.iter_mut().enumerate() {
            pod.node_class = format!("class-{index}");
        }
        confidence = look(&mut service, &seen).numbers.capacity_confidence.get();
    }
    assert!(confidence > 0.5, "{confidence}");
}

#[test]
fn quiet_minutes_of_a_large_service_forget_no_knee() {
    let mut spec = spec(30);
    (spec.min_replicas, spec.max_replicas) = (200, Some(400));
    let mut service = Service::new(Policy::new(spec).unwrap(), 200);
    let busy = service.run(60_000.0, 300).numbers.capacity_per_pod.get();
    let quiet = service.run(3_000.0, 300).numbers.capacity_per_pod.get();
    assert!((quiet / busy - 1.0).abs() < 0.05, "{quiet} after {busy}");
}

#[test]
fn a_pod_that_recovers_is_no_start() {
    let mut service = Service::new(policy(30), 3);
    service.run(500.0, 30);
    service.serve(500.0);
    let mut seen = service.observation();
    for pod in &mut seen.pods {
        pod.name.push_str("-other");
        pod.ready_at = pod.created_at.map(|at| at.checked_add(SignedDuration::from_secs(290)).unwrap());
        pod.state = PodState::NotReady;
    }
    look(&mut service, &seen);
    service.serve(500.0);
    for pod in &mut seen.pods {
        pod.state = PodState::Ready;
    }
    let decision = look(&mut service, &seen);
    assert!(decision.numbers.time_to_ready_seconds <= 30.0, "{decision:#?}");
}

#[test]
fn time_that_goes_backwards_teaches_nothing() {
    let mut service = Service::new(policy(30), 5);
    service.run(1_500.0, 100);
    let (seen, before) =
        (service.observation(), service.now.checked_sub(SignedDuration::from_secs(50)).unwrap());
    let (first, state) = decide(&service.policy, service.state.clone(), &seen, before);
    assert_eq!(first.target_replicas, seen.replicas);
    assert_eq!(state.last_look(), service.state.last_look());
}

#[test]
fn pods_may_come_in_any_order() {
    let mut service = Service::new(policy(30), 40);
    service.run(8_000.0, 60);
    service.serve(8_000.0);
    let mut seen = service.observation();
    let ordered = decide(&service.policy, service.state.clone(), &seen, service.now).0;
    seen.pods.reverse();
    let reversed = decide(&service.policy, service.state.clone(), &seen, service.now).0;
    assert_eq!(ordered.target_replicas, reversed.target_replicas);
    assert_eq!(ordered.numbers.fresh_share, reversed.numbers.fresh_share);
    let _: State = service.state;
}
