//! `headroom explain`: a decision, as `headroom decide` or `standalone --json` writes it, for a person to read.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use headroom_core::units::Share;
use headroom_core::{Decision, Numbers};
use jiff::Timestamp;

/// The longest line, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// Explains the decisions in FILE: those that change the size, and the last one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON lines of decisions; `-` is standard input.
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// Explain every decision.
    #[arg(long)]
    all: bool,
    /// Explain the decision in force at this time.
    #[arg(long, value_name = "TIME", conflicts_with = "all")]
    at: Option<Timestamp>,
}

impl Args {
    /// Writes the explanations to standard output.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let decisions = self.read()?;
        let last = decisions.len().saturating_sub(1);
        let changes = |decision: &Decision| decision.target_replicas != decision.numbers.replicas;
        let chosen: Vec<_> = match self.at {
            Some(at) => decisions.iter().rev().find(|decision| decision.now <= at).into_iter().collect(),
            None => decisions
                .iter()
                .enumerate()
                .filter(|(index, decision)| self.all || *index == last || changes(decision))
                .map(|(_, decision)| decision)
                .collect(),
        };
        anyhow::ensure!(!chosen.is_empty(), "there is no decision to explain");
        let mut output = io::stdout().lock();
        for decision in chosen {
            output.write_all(explanation(decision).as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self) -> anyhow::Result<Vec<Decision>> {
        let input: Box<dyn Read> = if self.file.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(
                File::open(&self.file).with_context(|| format!("{}: can't be read", self.file.display()))?,
            )
        };
        let (mut input, mut decisions, mut text) = (BufReader::new(input), Vec::new(), Vec::new());
        for number in 1.. {
            text.clear();
            if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            if !text.trim_ascii().is_empty() {
                let decision = serde_json::from_slice(&text).with_context(|| {
                    format!("line {number}: is no decision as `headroom decide` writes it")
                })?;
                decisions.push(decision);
            }
        }
        Ok(decisions)
    }
}

/// One decision in words and numbers.
pub fn explanation(decision: &Decision) -> String {
    let mut text = String::new();
    let (from, to) = (decision.numbers.replicas, decision.target_replicas);
    let headline = if from == to { format!("stays at {to} pods") } else { format!("{from} -> {to} pods") };
    // Writing to a String does not fail.
    let _ = writeln!(text, "{}  {headline}", decision.now);
    let rows = load_rows(&decision.numbers).into_iter().chain(pod_rows(&decision.numbers));
    for (name, value) in rows.chain(promise_rows(&decision.numbers)) {
        let _ = writeln!(text, "  {name:<9} {value}");
    }
    for (number, reason) in (1..).zip(&decision.reasons) {
        let _ = writeln!(
            text,
            "  {number}. {:?} {} -> {}: {}",
            reason.code, reason.from, reason.to, reason.message
        );
    }
    if decision.reasons.is_empty() {
        let _ = writeln!(text, "  no reason to change");
    }
    text
}

/// What is asked of the service.
fn load_rows(numbers: &Numbers) -> [(&'static str, String); 4] {
    let Numbers { offered_rate, utilization, demand, load, noise_guard, trend_rise, reserve, .. } = numbers;
    let mean = numbers.fast_rate.max(numbers.slow_rate);
    [
        (
            "offered",
            format!(
                "{:.0}/s, the workers are busy {:.0} % of the time",
                offered_rate.get(),
                percent(*utilization)
            ),
        ),
        (
            "load",
            format!(
                "{:.0}/s = {:.0} mean + {:.0} noise + {:.0} trend",
                load.get(),
                mean.get(),
                noise_guard.get(),
                trend_rise.get()
            ),
        ),
        ("demand", format!("{:.0}/s; the reserve is {:.0}/s", demand.get(), reserve.get())),
        (
            "bad",
            format!("{:.2} times what the objectives allow, since the last look", numbers.bad_over_allowed),
        ),
    ]
}

/// What there is to carry it.
fn pod_rows(numbers: &Numbers) -> [(&'static str, String); 4] {
    let Numbers {
        capacity_per_pod,
        knee_utilization,
        capacity_confidence,
        needed_replicas,
        max_replicas,
        ..
    } = numbers;
    let Numbers {
        ready_pods,
        starting_pods,
        overdue_pods,
        blocked_pods,
        fresh_share,
        headroom,
        time_to_ready_seconds,
        ..
    } = numbers;
    [
        (
            "capacity",
            format!(
                "{:.0}/s a pod, at {:.0} % busy (confidence {:.0} %)",
                capacity_per_pod.get(),
                percent(*knee_utilization),
                percent(*capacity_confidence)
            ),
        ),
        ("needed", format!("{needed_replicas} pods, at most {max_replicas}")),
        (
            "pods",
            format!(
                "{ready_pods} ready, {starting_pods} on their way, {overdue_pods} overdue, {blocked_pods} blocked; \
                 {:.0} % answered",
                percent(*fresh_share)
            ),
        ),
        ("headroom", format!("{headroom:.0}/s; a new pod takes {time_to_ready_seconds:.0} s to be ready")),
    ]
}

/// How the promise stands: only what is known.
fn promise_rows(numbers: &Numbers) -> Vec<(&'static str, String)> {
    let latency = numbers.latency_seconds.iter().flatten();
    let latency: Vec<_> = latency.map(|seconds| format!("{:.1} ms", seconds * 1000.0)).collect();
    let mut rows = Vec::new();
    if !latency.is_empty() {
        rows.push(("latency", format!("{} at the objectives' quantiles", latency.join(", "))));
    }
    for budget in numbers.budgets.iter().flatten().chain(&numbers.availability_budget) {
        let burn = budget.burn_rate.map_or_else(String::new, |rate| {
            format!("; the last hour spent {rate:.2} times what may be spent in one")
        });
        let left = if budget.remaining > 0.0 {
            format!("{:.0} % left", budget.remaining * 100.0)
        } else {
            format!("exhausted, spent {:.1} times over", 1.0 - budget.remaining)
        };
        rows.push(("budget", format!("{left}{burn}")));
    }
    rows
}

fn percent(share: Share) -> f64 {
    share.get() * 100.0
}
