//! What overload does to the server, with admission, without, and with a fixed limit.
//!
//! Every server has one worker on CPU 0; the load comes from CPU 1, open-loop, with Poisson send times that are fixed
//! before. First the capacity C of our server is found, then all servers get steps from 0.5 C to 2 C and 5 C and back,
//! in turn.

mod admin;
mod capacity;
mod closed_form;
mod cycle;
mod flood;
mod load;
mod plan;
mod process;
mod rejection;
mod report;
mod run;
mod subject;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;

use self::plan::Plan;
use self::subject::{Handler, Mode};

/// Arguments of the subcommand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A short form, under two minutes: where it stands, roughly.
    #[arg(long)]
    quick: bool,
    /// Measure this handler alone.
    #[arg(long)]
    handler: Option<Handler>,
    /// Leave out the servers that ours is compared with.
    #[arg(long)]
    alone: bool,
    /// The server; by default the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Further flags of our server as shipped, to try settings.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    flag: Vec<String>,
    /// The folder that the reports go to.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

/// What is to be measured.
#[derive(Debug)]
struct Job {
    program: PathBuf,
    plan: Plan,
    handlers: Vec<Handler>,
    modes: Vec<Mode>,
    /// Further flags of our server.
    flags: Vec<String>,
    started: Instant,
}

/// Runs it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let beside = || anyhow::Ok(std::env::current_exe()?.with_file_name("headroom-workload"));
    let job = Job {
        program: args.server.clone().map_or_else(beside, Ok)?,
        plan: if args.quick { Plan::QUICK } else { Plan::FULL },
        handlers: args.handler.map_or_else(|| Handler::ALL.to_vec(), |handler| vec![handler]),
        modes: if args.alone { vec![Mode::Adaptive] } else { Mode::ALL.to_vec() },
        flags: args.flag.clone(),
        started: Instant::now(),
    };
    let results = run::measure(&job)?;
    let report = report::Report::new(&results);
    report.write(&args.out).with_context(|| format!("failed to write to {}", args.out.display()))?;
    writeln!(io::stdout(), "{}", report.markdown())?;
    Ok(())
}

impl Job {
    /// The flags of a server.
    fn flags(&self, mode: Mode, handler: Handler) -> Vec<String> {
        let mut flags = mode.flags(handler);
        if mode == Mode::Adaptive {
            flags.extend(self.flags.iter().cloned());
        }
        flags
    }

    /// A line for who waits.
    fn say(&self, what: &str) {
        // Nobody is left to be told when stderr is gone.
        let _ = writeln!(io::stderr(), "{:4.0} s  {what}", self.started.elapsed().as_secs_f64());
    }
}
