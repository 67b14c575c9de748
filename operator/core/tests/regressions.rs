//! Mistakes that were made once, as short scripts.
#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, though clippy can't tell")]

mod common;

use common::{KNEE, Service, policy, spec};
use headroom_core::units::Replicas;
use headroom_core::{Answer, Decision, Observation, PodState, Policy, ReasonCode, Resizer, State, decide};
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
        (pod.state, pod.answer) = (PodState::Terminating, Answer::Silent);
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

#[test]
fn a_counter_that_leaps_and_falls_back_buys_few_pods() {
    let mut service = Service::new(policy(30), 2);
    service.run(500.0, 60);
    let mut largest = 0;
    for second in 0..30 {
        service.serve(500.0);
        let mut seen = service.observation();
        if second == 3 {
            seen.pods[0].answer.told_mut().unwrap().arrivals += 250_000.0;
        }
        largest = largest.max(look(&mut service, &seen).target_replicas.0);
    }
    assert!(largest <= 6, "{largest}");
}

#[test]
fn two_processes_that_answer_in_turn_buy_few_pods() {
    let mut service = Service::new(policy(30), 2);
    service.run(500.0, 60);
    let mut largest = 0;
    for second in 0..30 {
        service.serve(500.0);
        let mut seen = service.observation();
        let sample = seen.pods[0].answer.told_mut().unwrap();
        if second % 2 == 0 {
            (sample.boot, sample.arrivals) = (99, 1e6 + sample.arrivals);
        }
        largest = largest.max(look(&mut service, &seen).target_replicas.0);
    }
    assert!(largest <= 4, "{largest}");
}

#[test]
fn a_flood_that_is_turned_away_and_marked_as_retries_is_subtracted_once() {
    let mut service = Service::new(policy(30), 8);
    let mut decision = service.run(2_000.0, 60);
    for _ in 0..60 {
        service.serve(2_000.0);
        for pod in &mut service.pods {
            pod.sample.arrivals += 200.0;
            pod.sample.excluded += 200.0;
            pod.sample.retries += 200.0;
        }
        let seen = service.observation();
        decision = look(&mut service, &seen);
    }
    let demand = decision.numbers.demand.get();
    assert!((1_000.0..2_300.0).contains(&demand), "{demand}");
}

#[test]
fn a_retry_storm_buys_nothing_however_busy_it_keeps_the_workers() {
    let mut service = Service::new(policy(30), 7);
    service.run(2_000.0, 120);
    let mut largest = 0;
    for _ in 0..60 {
        service.serve(5_000.0);
        let pods = service.pods.len() as f64;
        for pod in &mut service.pods {
            pod.sample.retries += 3_000.0 / pods;
        }
        let seen = service.observation();
        largest = largest.max(look(&mut service, &seen).target_replicas.0);
    }
    assert!(largest <= 7, "{largest}");
}

#[test]
fn new_pods_that_did_not_answer_while_starting_fake_no_load() {
    let mut service = Service::new(policy(180), 5);
    service.run(1_000.0, 200);
    let mut largest = 0;
    for _ in 0..90 {
        service.serve(4_600.0);
        let mut seen = service.observation();
        for pod in seen.pods.iter_mut().filter(|pod| pod.state == PodState::Starting) {
            pod.answer = Answer::Silent;
        }
        let target = look(&mut service, &seen).target_replicas.0;
        largest = largest.max(target);
        service.resize(target);
    }
    assert!(largest <= 20, "{largest}");
}

#[test]
fn errors_without_a_histogram_do_not_make_requests_dear() {
    let mut service = Service::new(policy(30), 4);
    let mut last = 0.0;
    for second in 0..120 {
        service.serve(1_200.0);
        for pod in &mut service.pods {
            pod.sample.service = headroom_core::ServiceTime::default();
            let answered = pod.sample.objectives[0];
            // Half of the answers are 404 from the first minute on.
            pod.sample.answers = answered.good + answered.late;
            if second >= 60 {
                pod.sample.answers *= 2.0;
            }
        }
        let seen = service.observation();
        last = look(&mut service, &seen).numbers.capacity_per_pod.get();
    }
    assert!(last > 0.8 * KNEE, "{last}");
}

#[test]
fn a_steep_ramp_is_not_planned_lower_because_it_steps() {
    let mut service = Service::new(policy(180), 5);
    service.run(1_000.0, 200);
    let mut demand: f64 = 0.0;
    for second in 0..40 {
        let rate = 1_000.0 + 150.0 * f64::from(second);
        let now = service.tick(rate).numbers.demand.get();
        assert!(now >= 0.95 * demand, "{now} after {demand} while the load rises");
        demand = now;
    }
}

#[test]
fn pods_that_vanish_and_return_are_no_starts() {
    let mut service = Service::new(policy(30), 4);
    service.run(1_000.0, 60);
    for _ in 0..3 {
        service.serve(1_000.0);
        let nothing = Observation { replicas: Replicas(4), ..Observation::default() };
        look(&mut service, &nothing);
    }
    assert!(service.run(1_000.0, 10).numbers.time_to_ready_seconds > 25.0);
}

/// Nine pods, of which two are asked for at least, before anything is known about what one carries.
fn set_by_hand(change: impl FnOnce(&mut headroom_core::PolicySpec)) -> Service {
    let mut spec = spec(60);
    spec.min_replicas = 2;
    change(&mut spec);
    let mut service = Service::new(Policy::new(spec).unwrap(), 2);
    service.run(0.0, 30);
    service.resize(9);
    service.serve(0.0);
    let seen = Observation { resized_by: Resizer::Other, ..service.observation() };
    look(&mut service, &seen);
    service
}

#[test]
fn a_size_set_before_any_load_goes_back_after_a_window() {
    for rate in [0.0, 0.1] {
        let mut service = set_by_hand(|_| ());
        service.run(rate, 55);
        assert_eq!(service.pods.len(), 9, "at {rate}/s: within the window");
        let decision = service.run(rate, 60);
        assert_eq!(service.pods.len(), 2, "at {rate}/s: {decision:#?}");
    }
}

#[test]
fn pods_that_may_have_work_stay_though_nothing_is_known() {
    let mut kept = set_by_hand(|spec| spec.reserve_qps = 100.0);
    kept.run(0.0, 300);
    assert_eq!(kept.pods.len(), 9, "a reserve of unknown size");
    let mut silent = set_by_hand(|_| ());
    silent.pods[3].silent = true;
    silent.run(0.0, 300);
    assert_eq!(silent.pods.len(), 9, "one pod of nine does not tell");
    let mut busy = set_by_hand(|_| ());
    for _ in 0..300 {
        busy.serve(0.0);
        for pod in &mut busy.pods {
            pod.sample.busy_seconds += 1.0;
        }
        let seen = busy.observation();
        assert!(look(&mut busy, &seen).target_replicas >= Replicas(9), "no request has come to its end");
    }
}
