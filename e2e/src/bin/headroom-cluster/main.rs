//! `headroom-cluster`: a Kubernetes cluster for tests and for trying things by hand.

mod supervise;
mod watchdog;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use headroom_e2e::cluster::{Choice, Cluster, Lifetime, Origin, Progress, Wish, interrupt};

/// Starts and removes the Kubernetes cluster of this checkout.
#[derive(Debug, Parser)]
#[command(name = "headroom-cluster")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Brings the cluster up; one that runs and is well is kept.
    Up(Wanted),
    /// Removes the cluster and all that it left, also after a crash.
    Down {
        /// Where logs are copied to first.
        #[arg(long)]
        logs: Option<PathBuf>,
    },
    /// Imports image archives on every node.
    LoadImage {
        /// Archives as `docker save` writes them.
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
    /// Prints what a shell evaluates to work with the cluster.
    Env,
    /// Runs a command with a cluster and removes the cluster afterwards. One that was there is kept.
    With {
        #[command(flatten)]
        wanted: Wanted,
        /// Leaves the cluster as it is.
        #[arg(long)]
        keep: bool,
        /// Where logs are copied to when the command failed.
        #[arg(long)]
        logs: Option<PathBuf>,
        /// The command.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Removes the cluster when its standard input ends.
    #[command(hide = true)]
    Watchdog,
}

#[derive(Debug, Clone, Copy, Args)]
struct Wanted {
    /// What makes the cluster.
    #[arg(long, value_enum, default_value = "auto")]
    provider: Choice,
    /// How many nodes take pods.
    #[arg(long, default_value_t = 2)]
    nodes: u8,
}

fn main() -> ExitCode {
    let progress = Progress::new();
    perform(Arguments::parse().task, &progress).unwrap_or_else(|error| {
        progress.say(&format!("headroom-cluster: {error:#}"));
        ExitCode::FAILURE
    })
}

fn perform(task: Task, progress: &Progress) -> anyhow::Result<ExitCode> {
    match task {
        Task::Up(wanted) => up(wanted, progress)?,
        Task::Down { logs } => {
            logs.map_or(Ok(()), |folder| Cluster::save_logs(&folder))?;
            Cluster::down(progress)?;
        }
        Task::LoadImage { archives } => {
            let cluster = Cluster::attach()?;
            for archive in archives {
                progress.step(&format!("import {}", archive.display()), || cluster.load_image(&archive))?;
            }
        }
        Task::Env => print_environment(&Cluster::attach()?)?,
        Task::With { wanted, keep, logs, command } => {
            let ending = if keep { Lifetime::Kept } else { Lifetime::OfThisProcess };
            return supervise::with(wanted.into_wish(ending), logs, &command, progress);
        }
        Task::Watchdog => watchdog::watch(progress)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn up(wanted: Wanted, progress: &Progress) -> anyhow::Result<()> {
    interrupt::catch()?;
    let start = Instant::now();
    let (cluster, origin) = Cluster::up(wanted.into_wish(Lifetime::Kept), progress)?;
    progress.say(&match origin {
        Origin::Made => format!("the cluster is up after {:.1} s", start.elapsed().as_secs_f64()),
        Origin::Found => "the cluster is up, as it was".to_owned(),
    });
    print_environment(&cluster)
}

/// Lines for `eval`.
fn print_environment(cluster: &Cluster) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    for (name, value) in cluster.environment()? {
        writeln!(out, "export {name}='{}'", value.replace('\'', r"'\''"))?;
    }
    Ok(())
}

impl Wanted {
    fn into_wish(self, lifetime: Lifetime) -> Wish {
        Wish { provider: self.provider, nodes: self.nodes, lifetime }
    }
}
