//! `headroom-cluster`: a Kubernetes cluster for tests and for trying things by hand.

use std::io::{IsTerminal, Write, stdout};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use headroom_e2e::cluster::{Choice, Cluster, Lifetime, Origin, Progress, Wish, interrupt};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

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

/// How long a command may take to end after it was told to, before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

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
        Task::With { wanted, keep, logs, command } => return with(wanted, keep, logs, &command, progress),
        Task::Watchdog => watch(progress)?,
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

fn with(
    wanted: Wanted,
    keep: bool,
    logs: Option<PathBuf>,
    command: &[String],
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    interrupt::catch()?;
    let lifetime = if keep { Lifetime::Kept } else { Lifetime::OfThisProcess };
    let watchdog = (!keep).then(Watchdog::start).transpose()?;
    let (cluster, origin) = Cluster::up(wanted.into_wish(lifetime), progress)?;
    let ended = run(&cluster, command);
    if let (Some(folder), false) = (logs, ended.as_ref().is_ok_and(ExitStatus::success)) {
        // What the command said matters more.
        let _ = Cluster::save_logs(&folder);
    }
    if origin == Origin::Made && !keep {
        Cluster::down(progress)?;
    }
    drop(watchdog);
    let status = ended?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Runs the command to its end. An interrupt is handed on, and after a while enforced.
fn run(cluster: &Cluster, command: &[String]) -> anyhow::Result<ExitStatus> {
    let (program, arguments) = command.split_first().context("no command")?;
    let mut command = Command::new(program);
    command.args(arguments).envs(cluster.environment()?);
    // At a terminal it stays in the foreground, where Ctrl-C reaches all of its processes. Elsewhere it gets a group of
    // its own, so that a signal can reach all of them.
    let reach = if std::io::stdin().is_terminal() { Reach::Process } else { Reach::Group };
    if reach == Reach::Group {
        command.process_group(0);
    }
    let mut child = command.spawn().with_context(|| format!("can't start {program}"))?;
    let mut told: Option<Instant> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt::take() {
            reach.signal(&child, Signal::TERM);
            told = told.or_else(|| Some(Instant::now()));
        }
        if told.is_some_and(|at| at.elapsed() > END_PATIENCE) {
            reach.signal(&child, Signal::KILL);
        }
        std::thread::sleep(POLL);
    }
}

/// Whom a signal to the command reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Process,
    Group,
}

impl Reach {
    /// One that has just ended needs no signal.
    fn signal(self, child: &Child, signal: Signal) {
        let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
        let _ = match self {
            Self::Process => kill_process(pid, signal),
            Self::Group => kill_process_group(pid, signal),
        };
    }
}

/// A child that removes the cluster should this process end without doing so: its standard input then ends.
#[derive(Debug)]
struct Watchdog(Child);

impl Watchdog {
    fn start() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("where is this program?")?;
        // A session of its own: what ends this process by way of the terminal or the group does not end the watchdog.
        let mut command = Command::new("setsid");
        command.arg(own).arg("watchdog").stdin(Stdio::piped()).stdout(Stdio::null());
        Ok(Self(command.spawn().context("can't start the watchdog")?))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The cluster is gone or was not made: there is nothing left to watch.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(progress: &Progress) -> anyhow::Result<()> {
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    progress.say("headroom-cluster ended early; its watchdog removes the cluster");
    Cluster::down_if_abandoned(progress)
}

impl Wanted {
    fn into_wish(self, lifetime: Lifetime) -> Wish {
        Wish { provider: self.provider, nodes: self.nodes, lifetime }
    }
}
