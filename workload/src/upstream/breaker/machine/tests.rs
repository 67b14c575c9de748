//! Tables with invented times.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

const RULES: BreakerRules = BreakerRules {
    failure_share: 0.05,
    window: Duration::from_secs(10),
    least_calls: 20,
    open: Duration::from_secs(5),
    probes: 2,
};

fn at(millis: u64) -> Nanos {
    Nanos(millis * 1_000_000)
}

/// So many calls at one time, the last `failures` of which fail.
fn calls(machine: &mut Machine, millis: u64, count: u32, failures: u32) {
    for number in 0..count {
        let result = if number + failures >= count { CallResult::Failure } else { CallResult::Success };
        if let Ok(pass) = machine.ask(at(millis)) {
            machine.tell(at(millis), pass, result);
        }
    }
}

fn opened() -> Machine {
    let mut machine = Machine::new(RULES);
    calls(&mut machine, 0, 20, 20);
    assert_eq!(machine.state(at(0)), BreakerState::Open);
    machine
}

#[rstest]
#[case::all_well(100, 0, BreakerState::Closed)]
#[case::too_few_calls(19, 19, BreakerState::Closed)]
#[case::just_enough_calls(20, 2, BreakerState::Open)]
#[case::at_the_share(100, 5, BreakerState::Closed)]
#[case::above_the_share(100, 6, BreakerState::Open)]
fn it_opens_above_a_share_of_enough_calls(
    #[case] count: u32,
    #[case] failures: u32,
    #[case] expected: BreakerState,
) {
    let mut machine = Machine::new(RULES);
    calls(&mut machine, 1000, count, failures);
    assert_eq!(machine.state(at(1000)), expected);
}

#[rstest]
#[case::still_counted(9400, BreakerState::Open)]
#[case::forgotten(10_000, BreakerState::Closed)]
fn results_are_forgotten_after_the_window(#[case] later: u64, #[case] expected: BreakerState) {
    let mut machine = Machine::new(RULES);
    calls(&mut machine, 0, 30, 1);
    // By themselves too few to tell.
    calls(&mut machine, later, 19, 2);
    assert_eq!(machine.state(at(later)), expected);
}

#[test]
fn open_refuses_until_its_time_has_passed_and_says_when() {
    let mut machine = opened();
    assert_eq!(machine.ask(at(1000)), Err(Refused { retry_after: at(4000) }));
    assert!(machine.ask(at(5000)).is_ok());
    assert_eq!(machine.state(at(5000)), BreakerState::HalfOpen);
}

#[test]
fn half_open_lets_so_many_try() {
    let mut machine = opened();
    assert!(machine.ask(at(5000)).is_ok() && machine.ask(at(5000)).is_ok());
    assert_eq!(machine.ask(at(5000)), Err(Refused { retry_after: at(0) }));
}

#[rstest]
#[case::all_well([CallResult::Success, CallResult::Success], BreakerState::Closed)]
#[case::one_fails([CallResult::Success, CallResult::Failure], BreakerState::Open)]
#[case::one_does_not_tell([CallResult::Success, CallResult::Unknown], BreakerState::HalfOpen)]
fn those_that_try_decide(#[case] results: [CallResult; 2], #[case] expected: BreakerState) {
    let mut machine = opened();
    let passes = results.map(|_| machine.ask(at(5000)).unwrap());
    passes.into_iter().zip(results).for_each(|(pass, result)| machine.tell(at(5100), pass, result));
    assert_eq!(machine.state(at(5100)), expected);
}

#[test]
fn a_caller_that_loses_interest_makes_room_for_another() {
    let mut machine = opened();
    let passes = [(), ()].map(|()| machine.ask(at(5000)).unwrap());
    machine.tell(at(5000), passes[0], CallResult::Unknown);
    assert!(machine.ask(at(5000)).is_ok());
    assert!(machine.ask(at(5000)).is_err());
}

#[test]
fn results_from_before_it_opened_do_not_count() {
    let mut machine = Machine::new(RULES);
    let early = machine.ask(at(0)).unwrap();
    calls(&mut machine, 0, 20, 20);
    let probe = machine.ask(at(5000)).unwrap();
    machine.tell(at(5000), early, CallResult::Failure);
    assert_eq!(machine.state(at(5000)), BreakerState::HalfOpen);
    machine.tell(at(5000), probe, CallResult::Failure);
    assert_eq!(machine.state(at(5001)), BreakerState::Open);
}

#[test]
fn closed_again_it_begins_anew() {
    let mut machine = opened();
    calls(&mut machine, 5000, 2, 0);
    calls(&mut machine, 5000, 19, 19);
    assert_eq!(machine.state(at(5000)), BreakerState::Closed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever happens, once all is well it closes, and it never lets more try than it should.
    #[test]
    fn it_never_stays_open(steps in prop::collection::vec((0u64..3000, 0u8..4), 0..200)) {
        let mut machine = Machine::new(RULES);
        let (mut now, mut under_way) = (0, Vec::new());
        for (pause, what) in steps {
            now += pause;
            let half_open = machine.state(at(now)) == BreakerState::HalfOpen;
            match what {
                0 => under_way.extend(machine.ask(at(now))),
                1 => under_way.pop().into_iter().for_each(|pass| machine.tell(at(now), pass, CallResult::Success)),
                2 => under_way.pop().into_iter().for_each(|pass| machine.tell(at(now), pass, CallResult::Failure)),
                _ => under_way.pop().into_iter().for_each(|pass| machine.tell(at(now), pass, CallResult::Unknown)),
            }
            let trying = under_way.iter().filter(|pass| pass.epoch == machine.epoch).count();
            prop_assert!(!half_open || trying <= 2);
        }
        for pass in under_way {
            machine.tell(at(now), pass, CallResult::Unknown);
        }
        now += 20_000;
        calls(&mut machine, now, 2, 0);
        prop_assert_eq!(machine.state(at(now)), BreakerState::Closed);
    }
}
