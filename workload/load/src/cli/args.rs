//! The flags of `headroom-load`.

use super::values::{self, Ramp, Steps, Window};
use crate::account::Objective;
use crate::http::Target;
use crate::plan::Spacing;
use clap::{ArgGroup, Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  headroom-load --target http://127.0.0.1:8080/ --rate 500 --duration 30s --objective 'p99<100ms'
  headroom-load --target http://127.0.0.1:8080/ --steps 10s@100,20s@400 --csv - --quiet
  headroom-load --target http://127.0.0.1:8080/ --trace trace.csv --scale 0.5 --speed-up 10 --json summary.json

Exit codes: 0 objectives held, 1 error, 2 wrong usage, 3 an objective missed or the run invalid, 130 interrupted.";

/// Sends HTTP/1 requests at times fixed beforehand and measures latency from those times.
#[derive(Debug, Parser)]
#[command(name = "headroom-load", version, after_help = EXAMPLES)]
#[command(group(ArgGroup::new("shape").required(true).args(["rate", "steps", "ramp", "trace"])))]
pub struct Args {
    /// Where to send requests; several targets get them in turn
    #[arg(long = "target", value_name = "URL", required = true, value_parser = values::target)]
    pub(super) targets: Vec<Target>,
    /// Request method
    #[arg(long, default_value = "GET")]
    pub(super) method: String,
    /// Path and query, in place of that of the URLs
    #[arg(long)]
    pub(super) path: Option<String>,
    /// A header to send; may be given several times
    #[arg(long = "header", value_name = "'NAME: VALUE'")]
    pub(super) headers: Vec<String>,
    /// Length of the request body
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) body_bytes: usize,

    /// A constant rate, in requests per second
    #[arg(long, value_name = "RPS", requires = "duration", value_parser = values::rate, help_heading = "Shape, exactly one")]
    pub(super) rate: Option<f64>,
    /// Steps of a rate each, such as 10s@100,20s@400
    #[arg(long, value_parser = values::steps, conflicts_with = "duration", help_heading = "Shape, exactly one")]
    pub(super) steps: Option<Steps>,
    /// From one rate to another in a straight line, such as 100:1000
    #[arg(long, value_name = "FROM:TO", requires = "duration", value_parser = values::ramp, help_heading = "Shape, exactly one")]
    pub(super) ramp: Option<Ramp>,
    /// Rates from a CSV file with the header `t_seconds,rps`; bins over 1 s are interpolated
    #[arg(long, value_name = "FILE", conflicts_with = "duration", help_heading = "Shape, exactly one")]
    pub(super) trace: Option<PathBuf>,
    /// Length of --rate or --ramp
    #[arg(long, value_parser = values::duration, help_heading = "Shape, exactly one")]
    pub(super) duration: Option<Duration>,
    /// Multiplies the rates of --trace
    #[arg(long, value_name = "X", conflicts_with_all = ["rate", "steps", "ramp"], default_value = "1", value_parser = values::factor, help_heading = "Shape, exactly one")]
    pub(super) scale: f64,
    /// Plays --trace this many times faster, at the same rates
    #[arg(long, value_name = "X", conflicts_with_all = ["rate", "steps", "ramp"], default_value = "1", value_parser = values::factor, help_heading = "Shape, exactly one")]
    pub(super) speed_up: f64,
    /// The part of --trace to play, in trace seconds, half open
    #[arg(long, value_name = "FROM:TO", conflicts_with_all = ["rate", "steps", "ramp"], value_parser = values::window, help_heading = "Shape, exactly one")]
    pub(super) window: Option<Window>,
    /// Sends at the first rate for this long before the schedule; counts nowhere
    #[arg(long, default_value = "0s", value_parser = values::warm_up)]
    pub(super) warm_up: Duration,
    /// How requests are spaced at a given rate
    #[arg(long, value_enum, default_value_t = ArrivalsArg::Poisson)]
    pub(super) arrivals: ArrivalsArg,
    /// The same seed gives the same send times
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,

    /// Most connections open to each target [default: 1000 over all targets]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) connections: Option<u32>,
    /// Opens a new connection for each request
    #[arg(long)]
    pub(super) new_connections: bool,
    /// Longest wait for an answer, from the intended send time
    #[arg(long, default_value = "1s", value_parser = values::timeout)]
    pub(super) timeout: Duration,

    /// What is to be held, such as p99<100ms (p50, p90, p99, p99.9); may be given several times
    #[arg(long = "objective", value_name = "OBJECTIVE", value_parser = values::objective)]
    pub(super) objectives: Vec<Objective>,

    /// Writes the summary as JSON to a file (- for stdout)
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Writes a row for each second as CSV to a file (- for stdout) as soon as it is final
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Writes the start, each second and the summary as one JSON object a line to a file (- for stdout), as soon as
    /// they are final
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv"])]
    pub(super) json_lines: Option<PathBuf>,
    /// Shows no progress
    #[arg(long)]
    pub(super) quiet: bool,
}

/// Values of `--arrivals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ArrivalsArg {
    /// Equal distances
    Uniform,
    /// Independent requests, as of many clients
    Poisson,
}

impl From<ArrivalsArg> for Spacing {
    fn from(value: ArrivalsArg) -> Self {
        match value {
            ArrivalsArg::Uniform => Self::Uniform,
            ArrivalsArg::Poisson => Self::Poisson,
        }
    }
}
