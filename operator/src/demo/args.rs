//! The arguments of `headroom demo`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::played::Asked;
use super::run::{Setup, run};
use crate::standalone::{ServerArgs, beside_us};
use crate::validate::Service;

/// The built-in service.
const SERVICE: &str = include_str!("../../../examples/demo.yaml");

/// Plays a load against a service in standalone mode, and reports whether it held its objective.
///
/// Exit code 0: held; 3: missed. The report is in target/demo/report.html and report.json.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plays this load, a CSV file with the header `t_seconds,rps`. It is sped up and scaled down to fit into two
    /// minutes and ten servers.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Multiplies the rates by this instead of what fits.
    #[arg(long, value_name = "X", value_parser = factor)]
    scale: Option<f64>,
    /// Plays this many times faster instead of what fits.
    #[arg(long, value_name = "X", value_parser = factor)]
    speed_up: Option<f64>,
    /// The `ScaledService` to run instead of the built-in one.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Overrides `maxReplicas`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_replicas: Option<u32>,
    /// Where the report goes.
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    out: PathBuf,
    /// Of the send times of the requests.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// No live view.
    #[arg(long, short)]
    quiet: bool,
    /// The load generator; `headroom-load` beside this program if not given.
    #[arg(long, value_name = "PATH", env = "HEADROOM_LOAD")]
    load: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

impl Args {
    /// Plays, judges, reports.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let service = match &self.file {
            Some(file) => Service::from_file(file, self.max_replicas)?,
            None => Service::from_text(SERVICE, "examples/demo.yaml", self.max_replicas)?,
        };
        let setup = Setup {
            launch: self.server.launch(&service)?,
            service,
            trace: self.trace,
            asked: Asked { scale: self.scale, speed_up: self.speed_up },
            out: self.out,
            seed: self.seed,
            quiet: self.quiet,
            generator: self.load.map_or_else(|| beside_us("headroom-load"), Ok)?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(setup))
    }
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (1e-6..=1e6).contains(&factor) => Ok(factor),
        _ => Err("a number above 0, at most 1000000".to_owned()),
    }
}
