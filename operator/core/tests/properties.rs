//! The safety invariants of `decide`, over random services, histories and counters.
#![allow(clippy::unwrap_used, reason = "generators are test code, though clippy can't tell")]

mod common;

use common::{Service, policy, spec, start};
use headroom_core::units::{MilliCpu, Replicas};
use headroom_core::{
    Answer, Answered, Decision, Inventory, Observation, Pod, PodState, Policy, Resizer, Sample, Shrinking,
    State, Trouble, decide,
};
use jiff::SignedDuration;
use proptest::prelude::*;

/// Any counter, sensible or not.
fn counter() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => 0.0..1e5f64,
        1 => Just(0.0),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(-1.0),
        1 => Just(1e300),
        1 => 1e9..1e15f64,
    ]
}

prop_compose! {
    fn any_sample()(
        boot in 0u64..3, at_nanos in any::<u64>(), counters in prop::array::uniform12(counter()),
    ) -> Sample {
        let [arrivals, retries, rejected, good, late, errors, in_flight, queued, busy, cpu, count, sum] = counters;
        Sample {
            boot, at_nanos, arrivals, retries, excluded: retries, answers: good, rejected_overload: rejected,
            objectives: [Answered { good, late, service_beyond: late }; Policy::MAX_OBJECTIVES],
            server_errors: errors, in_flight, queued, busy_seconds: busy,
            cpu_seconds: cpu,
            service: headroom_core::ServiceTime { count, sum, sum_of_squares: sum },
        }
    }
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![7 => any_sample().prop_map(Answer::Told), 1 => Just(Answer::Silent), 2 => Just(Answer::NotAsked)]
}

fn any_trouble() -> impl Strategy<Value = Option<Trouble>> {
    use Trouble::{CrashLoop, CreateFailed, ImagePull, Unschedulable};
    prop::option::weighted(0.1, prop::sample::select(vec![Unschedulable, CrashLoop, ImagePull, CreateFailed]))
}

fn any_state() -> impl Strategy<Value = PodState> {
    use PodState::{Failed, NotReady, Ready, Starting, Terminating};
    prop_oneof![6 => Just(Ready), 2 => Just(Starting), 1 => Just(NotReady), 1 => Just(Terminating), 1 => Just(Failed)]
}

prop_compose! {
    fn any_pod()(
        name in 0u32..12, state in any_state(), revision in 0u8..3, workers in 0u32..8,
        cpu in 0u32..8000, answer in any_answer(), trouble in any_trouble(),
        created in -7200i64..7200, started in 0i64..7200,
    ) -> Pod {
        let created_at = start().checked_add(SignedDuration::from_secs(created)).unwrap();
        Pod {
            name: format!("pod-{name}"), state, created_at: Some(created_at),
            ready_at: created_at.checked_add(SignedDuration::from_secs(started)).ok(),
            revision: format!("r{revision}"), node_class: String::new(), cpu: MilliCpu(cpu), workers, trouble, answer,
        }
    }
}

prop_compose! {
    fn any_observation()(
        replicas in 0u32..100, mut pods in prop::collection::vec(any_pod(), 0..12), rare in prop::array::uniform4(0u8..8),
        latency in prop::array::uniform4(prop::option::of(counter())),
    ) -> Observation {
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        pods.dedup_by(|a, b| a.name == b.name);
        Observation {
            replicas: Replicas(replicas), pods, latency,
            inventory: if rare[0] == 0 { Inventory::Stale } else { Inventory::Complete },
            shrinking: if rare[1] == 0 { Shrinking::Frozen } else { Shrinking::Allowed },
            resized_by: if rare[2] == 0 { Resizer::Other } else { Resizer::Us },
            blocked: (rare[3] == 0).then(|| "exceeded quota".to_owned()),
        }
    }
}

/// Looks and the seconds between them.
fn any_history() -> impl Strategy<Value = Vec<(i64, Observation)>> {
    prop::collection::vec(
        (prop_oneof![8 => Just(1i64), 1 => 0i64..3, 1 => 3i64..4000], any_observation()),
        1..25,
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    (1u32..20, prop::option::of(0u32..60), 0u64..400, prop::option::of(1.0..1000.0f64), 0.0..5000.0f64)
        .prop_map(|(min, extra, window, prior, reserve)| {
            let mut spec = spec(window);
            (spec.min_replicas, spec.max_replicas) = (min, extra.map(|extra| min + extra));
            (spec.prior_qps_per_pod, spec.reserve_qps) = (prior, reserve);
            Policy::new(spec).unwrap()
        })
}

fn replay(policy: &Policy, history: &[(i64, Observation)]) -> (Vec<Decision>, State) {
    let (mut now, mut state, mut decisions) = (start(), State::default(), Vec::new());
    for (passed, seen) in history {
        now = now.checked_add(SignedDuration::from_secs(*passed)).unwrap();
        let (decision, next) = decide(policy, state, seen, now);
        state = next;
        decisions.push(decision);
    }
    (decisions, state)
}

/// Whether every number in it is one. What is absent is null, as numbers that are none would be: those that are always
/// there are told apart by their type.
fn is_finite(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(number) => number.as_f64().is_some_and(f64::is_finite),
        serde_json::Value::Array(values) => values.iter().all(is_finite),
        serde_json::Value::Object(fields) => fields.values().all(is_finite),
        serde_json::Value::Null => true,
        _ => false,
    }
}

/// A service that has run for a while at `rate`.
fn warm(rate: f64, replicas: u32, window: u64) -> Service {
    let mut service = Service::new(policy(window), replicas);
    service.run(rate, 40);
    service
}

fn at(service: &Service, seen: &Observation) -> Decision {
    decide(&service.policy, service.state.clone(), seen, service.now).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn i4_the_size_never_leaves_its_bounds(policy in any_policy(), history in any_history()) {
        for decision in replay(&policy, &history).0 {
            prop_assert!(decision.target_replicas >= policy.min_replicas());
            let max = policy.max_replicas().unwrap_or(decision.numbers.max_replicas).max(policy.min_replicas());
            prop_assert!(decision.target_replicas <= max, "{decision:#?}");
        }
    }

    #[test]
    fn no_counter_makes_a_number_that_is_none(policy in any_policy(), history in any_history()) {
        for decision in replay(&policy, &history).0 {
            let numbers = serde_json::to_value(&decision.numbers).unwrap();
            for (name, value) in numbers.as_object().unwrap() {
                prop_assert!(is_finite(value), "{name} is {value}");
            }
        }
    }

    #[test]
    fn i14_equal_inputs_give_equal_outputs(policy in any_policy(), history in any_history()) {
        let (first, second) = (replay(&policy, &history), replay(&policy, &history));
        prop_assert_eq!(serde_json::to_string(&first.0).unwrap(), serde_json::to_string(&second.0).unwrap());
        prop_assert_eq!(serde_json::to_string(&first.1).unwrap(), serde_json::to_string(&second.1).unwrap());
    }

    #[test]
    fn the_state_survives_serialisation_and_forgets_pods_that_are_gone(
        policy in any_policy(), history in any_history(), next in any_observation(),
    ) {
        let (decisions, state) = replay(&policy, &history);
        let text = serde_json::to_string(&state).unwrap();
        let read: State = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let now = decisions.last().unwrap().now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let (decision, state) = decide(&policy, state, &next, now);
        prop_assert_eq!(decision, decide(&policy, read, &next, now).0);
        let text = serde_json::to_string(&state).unwrap();
        for name in (0..12).map(|n| format!("\"pod-{n}\"")) {
            let remembered = text.contains(&name);
            let exists = next.pods.iter().any(|pod| format!("\"{}\"", pod.name) == name);
            prop_assert_eq!(remembered, exists, "{}", name);
        }
    }

    #[test]
    fn i1_absent_evidence_never_shrinks(policy in any_policy(), history in any_history(), last in any_observation()) {
        let mut silent = last;
        for pod in &mut silent.pods {
            pod.answer = Answer::Silent;
        }
        let (decisions, state) = replay(&policy, &history);
        let now = decisions.last().unwrap().now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let (decision, _) = decide(&policy, state, &silent, now);
        let max = policy.max_replicas().unwrap_or(silent.replicas);
        prop_assert!(decision.target_replicas >= silent.replicas.min(max), "{decision:#?}");
    }

    #[test]
    fn i2_ignorance_never_shrinks(
        rate in 50.0..8_000.0f64, replicas in 1u32..30, silent in prop::collection::vec(any::<bool>(), 30),
        change in 0.0..2.0f64,
    ) {
        let mut service = warm(rate, replicas, 5);
        service.serve(rate * change);
        let seen = service.observation();
        let mut partly = seen.clone();
        for (pod, silent) in partly.pods.iter_mut().zip(silent) {
            if silent {
                pod.answer = Answer::Silent;
            }
        }
        let (known, ignorant) = (at(&service, &seen), at(&service, &partly));
        prop_assert!(
            ignorant.target_replicas >= seen.replicas.min(known.target_replicas), "{known:#?} {ignorant:#?}"
        );
    }

    #[test]
    fn i3_more_load_never_needs_fewer_pods(
        rate in 50.0..8_000.0f64, replicas in 1u32..30, less in 0.0..3.0f64, more in 0.0..3.0f64,
    ) {
        let mut lighter = warm(rate, replicas, 5);
        let mut heavier = lighter.clone();
        lighter.serve(rate * less.min(more));
        heavier.serve(rate * less.max(more));
        let (light, heavy) = (at(&lighter, &lighter.observation()), at(&heavier, &heavier.observation()));
        prop_assert!(heavy.target_replicas >= light.target_replicas, "{light:#?} {heavy:#?}");
    }

    #[test]
    fn i3_a_larger_minimum_or_reserve_never_gives_fewer_pods(
        rate in 50.0..8_000.0f64, replicas in 1u32..30, min in 1u32..30, reserve in 0.0..8_000.0f64,
    ) {
        let service = warm(rate, replicas, 5);
        let seen = service.observation();
        let mut demanding = spec(5);
        (demanding.min_replicas, demanding.reserve_qps) = (min, reserve);
        let demanding = Policy::new(demanding).unwrap();
        let now = service.now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let plain = decide(&service.policy, service.state.clone(), &seen, now).0;
        let more = decide(&demanding, service.state.clone(), &seen, now).0;
        prop_assert!(more.target_replicas >= plain.target_replicas, "{plain:#?} {more:#?}");
    }

    #[test]
    fn i5_shrinking_leaves_enough_ready_pods(
        rate in 50.0..4_000.0f64, replicas in 2u32..30, unready in 0usize..10, change in 0.0..1.0f64,
    ) {
        let mut service = warm(rate, replicas, 5);
        for _ in 0..12 {
            service.serve(rate * change);
            let mut seen = service.observation();
            for pod in seen.pods.iter_mut().take(unready) {
                pod.state = PodState::NotReady;
            }
            let (decision, state) = decide(&service.policy, service.state.clone(), &seen, service.now);
            service.state = state;
            let removed = seen.replicas.0.saturating_sub(decision.target_replicas.0);
            if removed > 0 {
                let left = decision.numbers.ready_pods.0.saturating_sub(removed);
                prop_assert!(left >= decision.numbers.needed_replicas.0, "{decision:#?}");
            }
        }
    }

    #[test]
    fn i7_one_look_alone_at_most_doubles_the_size_or_adds_four(
        rate in 50.0..4_000.0f64, replicas in 1u32..30, jump in 1.0..10_000.0f64,
    ) {
        let mut service = warm(rate, replicas, 30);
        service.serve(rate * jump);
        let decision = at(&service, &service.observation());
        // What the looks before agree on, sixteen per cent of noise and model error included, is no jump.
        let confirmed = (rate * 1.3 / (0.69 * common::KNEE / 0.875)).ceil() as u32;
        let size = service.pods.len() as u32;
        prop_assert!(decision.target_replicas.0 <= (size + 4).max(2 * size).max(confirmed), "{decision:#?}");
    }

    #[test]
    fn i11_constant_input_with_full_windows_writes_nothing(rate in 5.0..10_000.0f64, replicas in 1u32..30) {
        let mut service = Service::new(policy(20), replicas);
        service.run(rate, 400);
        let changes = service.changes;
        service.run(rate, 60);
        prop_assert_eq!(service.changes, changes);
    }

    #[test]
    fn a_steady_load_without_noise_settles_in_three_changes(rate in 5.0..12_000.0f64, replicas in 1u32..40) {
        let mut service = Service::new(policy(60), replicas);
        service.run(rate, 500);
        prop_assert!(service.changes <= 3, "{} changes", service.changes);
    }

    #[test]
    fn i13_the_clocks_of_other_machines_decide_nothing(
        rate in 50.0..8_000.0f64, replicas in 1u32..30, wrong in -100_000i64..100_000,
    ) {
        let service = warm(rate, replicas, 5);
        let seen = service.observation();
        let mut shifted = seen.clone();
        for pod in &mut shifted.pods {
            let shift = |t: jiff::Timestamp| t.checked_add(SignedDuration::from_secs(wrong)).unwrap();
            (pod.created_at, pod.ready_at) = (pod.created_at.map(shift), pod.ready_at.map(shift));
            if let Some(sample) = pod.answer.told_mut() {
                sample.at_nanos ^= wrong.unsigned_abs();
            }
        }
        let now = service.now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let right = decide(&service.policy, service.state.clone(), &seen, now).0;
        let wrong = decide(&service.policy, service.state.clone(), &shifted, now).0;
        prop_assert_eq!(right, wrong);
    }
}
