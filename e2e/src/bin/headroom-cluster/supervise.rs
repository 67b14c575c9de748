//! A command that runs with a cluster, and the cluster that ends with it.

use std::io::IsTerminal;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::Context;
use headroom_e2e::cluster::{Cluster, Lifetime, Origin, Progress, Wish, interrupt};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::watchdog::Watchdog;

/// How long a command may take to end after it was told to, before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Brings the cluster up, runs the command, removes the cluster if it is this process's. Gives the command's exit code.
pub fn with(
    wish: Wish,
    logs: Option<PathBuf>,
    command: &[String],
    progress: &Progress,
) -> anyhow::Result<ExitCode> {
    interrupt::catch()?;
    let mut watchdog = match wish.lifetime {
        Lifetime::OfThisProcess => Some(Watchdog::start()?),
        Lifetime::Kept => None,
    };
    let (cluster, origin) = Cluster::up(wish, progress)?;
    let ended = run(&cluster, command, watchdog.as_mut());
    if let (Some(folder), false) = (logs, ended.as_ref().is_ok_and(ExitStatus::success)) {
        // What the command said matters more.
        let _ = Cluster::save_logs(&folder);
    }
    if origin == Origin::Made && wish.lifetime == Lifetime::OfThisProcess {
        Cluster::down(progress)?;
    }
    drop(watchdog);
    let status = ended?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Runs the command to its end. An interrupt is handed on, and after a while enforced.
fn run(cluster: &Cluster, command: &[String], watchdog: Option<&mut Watchdog>) -> anyhow::Result<ExitStatus> {
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
    watchdog.map_or(Ok(()), |watchdog| watchdog.tell(child.id()))?;
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
