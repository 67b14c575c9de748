//! The summary for people.

use crate::report::{Failed, Latency, ObjectiveResult, StatusClasses, Summary, Verdict};
use crate::units::show_seconds;

/// A few lines: verdict first, then the numbers behind it.
pub fn render(summary: &Summary) -> String {
    let Summary { counts, latency, schedule, .. } = summary;
    let mut lines = vec![verdict(summary)];
    lines.extend(summary.objectives.iter().map(objective));
    lines.push(format!(
        "requests   {} intended, {} sent, {} answered ({:.1}/s)",
        counts.intended, counts.sent, counts.answered, summary.requests_per_second
    ));
    lines.push(format!(
        "outcomes   {} good ({:.2} %), {} late, {} failed, {} rejected",
        counts.good,
        summary.goodput * 100.0,
        counts.late,
        counts.failed.total,
        counts.rejected
    ));
    lines.extend(causes(&counts.failed, &counts.status));
    lines.push(format!("seconds    {}, of them bad {}", summary.seconds, summary.bad_seconds));
    lines.push(latencies(latency));
    lines.push(format!(
        "schedule   p99 {} behind, at most {}; {:.1} us CPU per request",
        show_seconds(schedule.p99_behind_seconds),
        show_seconds(schedule.max_behind_seconds),
        summary.cpu_micros_per_request
    ));
    lines.join("\n") + "\n"
}

fn verdict(summary: &Summary) -> String {
    let interrupted = if summary.interrupted { " (interrupted)" } else { "" };
    match summary.verdict {
        Verdict::Invalid => format!(
            "verdict    invalid{interrupted}: {:.1} % of the requests were over 10 ms behind schedule by the generator's \
             own doing; lower the rate or give it a CPU of its own",
            summary.schedule.behind_share_percent
        ),
        Verdict::Held if summary.objectives.is_empty() => {
            format!("verdict    no objective given{interrupted}")
        }
        Verdict::Held => format!("verdict    held{interrupted}"),
        Verdict::Missed => format!("verdict    missed{interrupted}"),
    }
}

fn latencies(latency: &Latency) -> String {
    let show = |seconds: Option<f64>| seconds.map_or_else(|| "-".to_owned(), show_seconds);
    format!(
        "latency    p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
        show(latency.p50_seconds),
        show(latency.p90_seconds),
        show(latency.p99_seconds),
        show(latency.p999_seconds),
        show(latency.max_seconds)
    )
}

fn objective(result: &ObjectiveResult) -> String {
    let measured = match result.measured_seconds {
        Some(seconds) => format!("was {}", show_seconds(seconds)),
        None => "lies among the failed requests".to_owned(),
    };
    format!(
        "objective  {} < {}: {}, {measured}, {:.2} % bad",
        result.name,
        show_seconds(result.threshold_seconds),
        if result.held { "held" } else { "missed" },
        result.bad_percent
    )
}

/// The causes that occurred.
fn causes(failed: &Failed, status: &StatusClasses) -> Option<String> {
    let causes = [
        ("refused", failed.refused),
        ("reset", failed.reset),
        ("timed out", failed.timeout),
        ("status 5xx", failed.status5xx),
        ("truncated", failed.truncated),
        ("malformed", failed.malformed),
        ("no local port or descriptor", failed.local),
        ("status 4xx (counts neither way)", status.client_error),
    ];
    let found: Vec<_> = causes
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    (!found.is_empty()).then(|| format!("causes     {}", found.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Failure, Ledger, Outcome, Run, summarise};
    use std::time::Duration;

    /// One request, answered in 4 ms or failed, and started this late.
    fn rendered(outcome: Outcome, behind: Duration) -> String {
        let objectives = vec!["p99<2ms".parse().unwrap()];
        let mut ledger = Ledger::new(1, objectives, Duration::from_secs(1), Duration::ZERO).unwrap();
        ledger.intend(Duration::ZERO, 0);
        ledger.start(Duration::ZERO, behind);
        ledger.end(Duration::ZERO, 0, outcome);
        let targets = vec!["http://h/".to_owned()];
        let cpu = Duration::ZERO;
        let run = Run {
            started_at_unix_seconds: 0.0,
            targets,
            connections_opened: vec![1],
            requests_sent: 1,
            cpu,
            interrupted: false,
            seed: 1,
        };
        render(&summarise(ledger, run))
    }

    #[test]
    fn a_missed_objective_is_shown_with_what_it_was() {
        let answered = Outcome::Answered { status: 200, latency: Duration::from_millis(4) };
        let text = rendered(answered, Duration::ZERO);
        assert!(
            text.starts_with(
                "verdict    missed\nobjective  p99 < 2.00 ms: missed, was 4.00 ms, 100.00 % bad\n"
            )
        );
        assert!(!text.contains("causes"), "{text}");
    }

    #[test]
    fn causes_of_failure_are_named_and_an_invalid_run_says_what_to_do() {
        let text = rendered(Outcome::Failed(Failure::Reset), Duration::from_millis(11));
        assert!(text.starts_with("verdict    invalid: 100.0 % of the requests"), "{text}");
        assert!(text.contains("lower the rate or give it a CPU of its own"), "{text}");
        assert!(
            text.contains("lies among the failed requests") && text.contains("causes     1 reset"),
            "{text}"
        );
    }
}
