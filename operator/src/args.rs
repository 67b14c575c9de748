//! The command line: what can be typed, and which module does it.

use std::ffi::OsString;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::controller::args::LogFormat;
use crate::{check, controller, crds, decide, demo, docs, explain, standalone};

/// Sizes a service so that it keeps its latency objective at the lowest cost.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sizes every `ScaledService` of a cluster.
    Controller(controller::Args),
    /// Checks a cluster and what Headroom does in it, and names a remedy for what is wrong.
    Check(check::Args),
    /// Prints the custom resource definitions as YAML.
    Crds(crds::Args),
    /// Writes the reference tables: conditions, events, metrics, fields.
    #[command(hide = true)]
    Docs(docs::Args),
    /// Reads observations and writes decisions, one JSON line each.
    Decide(decide::Args),
    /// Explains decisions for a person.
    Explain(explain::Args),
    /// Runs one service as local processes behind a small front, sized as in a cluster.
    Standalone(standalone::Args),
    /// Plays a load against a service in standalone mode, and reports whether it held its objective.
    Demo(demo::Args),
    /// Becomes COMMAND, and ends when the process PARENT ends.
    #[command(hide = true)]
    Leash {
        parent: u32,
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

impl Args {
    /// How log lines look: the controller's are often read by machines.
    pub fn log_format(&self) -> LogFormat {
        match &self.command {
            Command::Controller(args) => args.log_format,
            _ => LogFormat::Text,
        }
    }

    /// Does it. The exit code is 0 when all is well, 3 when a verdict is missed, 130 when interrupted; for errors see
    /// [`crate::exit_code`].
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Controller(args) => args.run(),
            Command::Check(args) => args.run(),
            Command::Crds(args) => args.run(),
            Command::Docs(args) => args.run(),
            Command::Decide(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Standalone(args) => args.run(),
            Command::Demo(args) => args.run(),
            Command::Leash { parent, command } => standalone::leash::become_child(parent, &command),
        }
    }
}
