//! Scripts with invented loads, a second apart.

use super::*;
use rstest::rstest;

use BrownoutLevel::{Cached, Full, NoExtras, Refuse};

fn machine(rules: &str) -> Machine {
    let mut machine = Machine::new();
    machine.replace(RuleFile::parse(format!("{{\"rules\": [{rules}]}}").as_bytes()).unwrap());
    machine
}

/// The levels after seconds with these shares of CPU in percent.
fn levels(machine: &mut Machine, from: u64, cpu: &[u64]) -> Vec<BrownoutLevel> {
    let second = |(second, percent): (u64, &u64)| {
        let load = Load { cpu_share: *percent as f64 / 100.0, ..Load::default() };
        machine.observe(Nanos(second * 1_000_000_000), load)
    };
    (from..).zip(cpu).map(second).collect()
}

const ONE: &str = r#"{"level": "noExtras", "when": {"cpuPercent": 80}, "for": "2s", "hold": "4s"}"#;

#[rstest]
#[case::lasting(&[90, 90, 90, 90], &[Full, Full, NoExtras, NoExtras])]
#[case::interrupted(&[90, 90, 79, 90, 90, 90], &[Full, Full, Full, Full, Full, NoExtras])]
#[case::held(&[90, 90, 90, 10, 10, 10, 10], &[Full, Full, NoExtras, NoExtras, NoExtras, NoExtras, Full])]
#[case::not_calm(&[90, 90, 90, 65, 65, 65, 65, 63], &[Full, Full, NoExtras, NoExtras, NoExtras, NoExtras, NoExtras, Full])]
fn a_level_comes_after_a_while_and_goes_when_it_is_calm(
    #[case] cpu: &[u64],
    #[case] expected: &[BrownoutLevel],
) {
    assert_eq!(levels(&mut machine(ONE), 0, cpu), expected);
}

#[test]
fn up_at_once_and_down_in_steps() {
    let rules = r#"{"level": "noExtras", "when": {"cpuPercent": 50}, "for": "0s", "hold": "1s"},
        {"level": "refuse", "when": {"cpuPercent": 90}, "for": "0s", "hold": "2s"}"#;
    let mut machine = machine(rules);
    assert_eq!(levels(&mut machine, 0, &[95, 45, 45, 45]), [Refuse, Refuse, Cached, Cached]);
    // Cached is nobody's: it has the usual time.
    assert_eq!(levels(&mut machine, 12, &[45, 45, 10, 10]), [NoExtras, NoExtras, Full, Full]);
}

#[test]
fn all_conditions_of_a_rule_have_to_hold() {
    let mut machine =
        machine(r#"{"level": "cached", "when": {"queueDelay": "20ms", "shedPercent": 10}, "for": "0s"}"#);
    let load = Load { queue_seconds: 0.05, ..Load::default() };
    assert_eq!(machine.observe(Nanos(0), load), Full);
    assert_eq!(machine.observe(Nanos(1), Load { shed_share: 0.1, ..load }), Cached);
}

#[test]
fn other_rules_take_over_the_level() {
    let mut machine = machine(ONE);
    levels(&mut machine, 0, &[90, 90, 90]);
    machine.replace(RuleFile::default());
    let left = levels(&mut machine, 3, &[90; 10]);
    assert_eq!((left[8], left[9]), (NoExtras, Full));
}
