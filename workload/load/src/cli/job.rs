//! From flags to a run: everything is checked before the first request is sent.

use super::args::Args;
use crate::account::Objective;
use crate::engine::{Destination, Reuse, Setup, connections_possible};
use crate::http::{Request, RequestError, TargetError};
use crate::output::RowFormat;
use crate::plan::{Arrivals, Rate, RateError, Trace, TraceError};
use std::path::PathBuf;
use std::time::Duration;

/// Connections over all targets unless said otherwise.
const DEFAULT_CONNECTIONS: usize = 1000;

/// A run that can start.
#[derive(Debug)]
pub struct Job {
    /// How requests are sent.
    pub setup: Setup,
    /// When they are sent.
    pub arrivals: Arrivals,
    /// What is to be held.
    pub objectives: Vec<Objective>,
    /// Time before the schedule that counts nowhere.
    pub warm_up: Duration,
    /// The targets' URLs, in the order of the destinations.
    pub targets: Vec<String>,
    /// The seed of the send times.
    pub seed: u64,
    /// Where the summary goes.
    pub json: Option<PathBuf>,
    /// Where the rows go, and as what.
    pub rows: Option<(PathBuf, RowFormat)>,
    /// Whether progress is shown.
    pub progress: bool,
    /// What the user should know before it starts.
    pub warning: Option<String>,
}

/// Why flags make no run, by the flag that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Method, path, header or body.
    #[error("--method, --path, --header or --body-bytes: {0}")]
    Request(#[from] RequestError),
    /// The name of a target.
    #[error("--target: {0}")]
    Target(#[from] TargetError),
    /// The trace.
    #[error("--trace: {0}")]
    Trace(#[from] TraceError),
    /// The shape as a whole.
    #[error("--rate, --steps, --ramp or --warm-up: {0}")]
    Rate(#[from] RateError),
    /// CSV and JSON on the same stream.
    #[error("--csv - and --json - would mix on stdout: give one of them a file")]
    Stdout,
}

impl Job {
    /// Reads the trace and resolves the targets.
    pub fn prepare(args: Args) -> Result<Self, UsageError> {
        if is_stdout(args.json.as_ref()) && is_stdout(args.csv.as_ref()) {
            return Err(UsageError::Stdout);
        }
        let rate = rate(&args)?.with_warm_up(args.warm_up.as_secs_f64())?;
        let arrivals = Arrivals::new(rate, args.arrivals.into(), args.seed);
        let (destinations, targets) = destinations(&args)?;
        let (connections, warning) = connections(&args);
        let setup = Setup {
            destinations,
            connections_per_destination: connections,
            reuse: if args.new_connections { Reuse::Never } else { Reuse::KeepAlive },
            timeout: args.timeout,
            end: arrivals.end(),
        };
        let csv = args.csv.map(|path| (path, RowFormat::Csv));
        let rows = csv.or_else(|| args.json_lines.map(|path| (path, RowFormat::JsonLines)));
        Ok(Self {
            setup,
            arrivals,
            objectives: args.objectives,
            warm_up: args.warm_up,
            targets,
            seed: args.seed,
            json: args.json,
            rows,
            progress: !args.quiet,
            warning,
        })
    }
}

fn is_stdout(path: Option<&PathBuf>) -> bool {
    path.is_some_and(|path| path.as_os_str() == "-")
}

/// The shape; clap has seen to it that exactly one is given, with what it needs.
fn rate(args: &Args) -> Result<Rate, UsageError> {
    let seconds = args.duration.unwrap_or_default().as_secs_f64();
    if let Some(path) = &args.trace {
        let window = args.window.map(|window| (window.from, window.to));
        return Ok(Trace::read(path)?.rate(window, args.scale, args.speed_up)?);
    }
    if let Some(steps) = &args.steps {
        return Ok(Rate::steps(steps.0.iter().copied())?);
    }
    if let Some(ramp) = args.ramp {
        return Ok(Rate::ramp(ramp.from, ramp.to, seconds)?);
    }
    Ok(Rate::constant(args.rate.unwrap_or_default(), seconds)?)
}

fn destinations(args: &Args) -> Result<(Vec<Destination>, Vec<String>), UsageError> {
    let mut destinations = Vec::new();
    let mut names = Vec::new();
    for target in &args.targets {
        let mut target = target.clone();
        if let Some(path) = &args.path {
            target.path.clone_from(path);
        }
        let request =
            Request::write(&target, &args.method, &args.headers, args.body_bytes, args.new_connections)?;
        destinations.push(Destination { address: target.resolve()?, request });
        names.push(format!("http://{}{}", target.authority, target.path));
    }
    Ok((destinations, names))
}

/// Connections per target within the limit of descriptors, and a warning if that is less than asked for.
fn connections(args: &Args) -> (usize, Option<String>) {
    let targets = args.targets.len();
    let wanted =
        args.connections.map_or_else(|| (DEFAULT_CONNECTIONS / targets).max(1), |wanted| wanted as usize);
    let possible = (connections_possible(wanted * targets) / targets).max(1);
    let warning = (possible < wanted).then(|| {
        format!("the limit of open descriptors allows {possible} connections per target, not {wanted}: raise ulimit -n")
    });
    (possible, warning)
}
