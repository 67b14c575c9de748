//! TELL: a tick as a line for people, or as JSON.

use std::io::Write;

use headroom_core::{Decision, Reason};

use super::Tick;
use crate::outcome::Outcome;

/// How ticks are written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line for each change of the size.
    Changes,
    /// Every decision, one JSON object a line, as `headroom decide` writes it.
    Json,
}

/// Writes what there is to say about a tick.
pub fn report(out: &mut impl Write, format: Format, tick: &Tick) -> std::io::Result<()> {
    let Some(decision) = &tick.decision else {
        return Ok(());
    };
    match (format, &tick.outcome) {
        (Format::Json, _) => {
            serde_json::to_writer(&mut *out, decision)?;
            writeln!(out)
        }
        (Format::Changes, Outcome::Scaled { from, to }) => {
            writeln!(out, "{}", change(*from, *to, decision))
        }
        (Format::Changes, _) => Ok(()),
    }
}

fn change(from: u32, to: u32, decision: &Decision) -> String {
    let numbers = &decision.numbers;
    format!(
        "{:.0} {from} -> {to}  offered {:.0}/s, {:.0}/s per pod  {}",
        decision.now,
        numbers.offered_rate.get(),
        numbers.capacity_per_pod.get(),
        in_words(&decision.reasons),
    )
}

/// The reasons of a decision in one line.
pub fn in_words(reasons: &[Reason]) -> String {
    let messages: Vec<_> = reasons.iter().map(|reason| reason.message.as_str()).collect();
    messages.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use headroom_core::units::{Rate, Replicas};
    use headroom_core::{Numbers, Observation, ReasonCode};
    use jiff::Timestamp;

    fn tick(outcome: Outcome) -> Tick {
        let now = Timestamp::from_second(0).unwrap();
        let decision = Decision {
            now,
            target_replicas: Replicas(5),
            workers: None,
            cpu_millis: None,
            reasons: vec![Reason {
                code: ReasonCode::Demand,
                from: Replicas(2),
                to: Replicas(5),
                message: "1000/s need 5 pods".into(),
            }],
            numbers: Numbers {
                offered_rate: Rate::new(1000.0),
                capacity_per_pod: Rate::new(240.0),
                ..Numbers::default()
            },
            look_again_seconds: 1.0,
            ask: headroom_core::Ask::EveryPod,
        };
        Tick {
            at: now,
            observation: Observation::default(),
            decision: Some(decision),
            outcome,
            lives: Vec::new(),
        }
    }

    fn written(format: Format, outcome: Outcome) -> String {
        let mut out = Vec::new();
        report(&mut out, format, &tick(outcome)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_change_is_one_line_with_its_reasons() {
        assert_eq!(
            written(Format::Changes, Outcome::Scaled { from: 2, to: 5 }),
            "1970-01-01T00:00:00Z 2 -> 5  offered 1000/s, 240/s per pod  1000/s need 5 pods\n"
        );
    }

    #[test]
    fn nothing_changed_is_nothing_said() {
        assert_eq!(written(Format::Changes, Outcome::Unchanged), "");
    }

    #[test]
    fn every_decision_is_a_line_of_json() {
        let line = written(Format::Json, Outcome::Unchanged);
        let read: Decision = serde_json::from_str(&line).unwrap();
        assert_eq!(Some(read), tick(Outcome::Unchanged).decision);
    }
}
