//! Children that end when we do, even when we are killed.
//!
//! The kernel can kill a process when its parent ends, but only the process itself can ask for it. So we start
//! ourselves as `headroom leash -- COMMAND`, which asks and then becomes COMMAND.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal};

/// A command that runs `program` as a child on a leash.
///
/// It must be spawned from a thread that lives as long as the process: the kernel takes the end of the thread for the
/// end of the parent. Signals of the terminal don't reach it: it gets a process group of its own, so that it is us
/// who decide when it stops.
pub fn command(program: &Path) -> tokio::process::Command {
    // Not `current_exe()`: that path may hold another build by now.
    let mut command = tokio::process::Command::new("/proc/self/exe");
    command.arg("leash").arg(std::process::id().to_string()).arg("--").arg(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
    command
}

/// Becomes `command`, and is killed when the process `parent` ends.
pub fn become_child(parent: u32, command: &[OsString]) -> anyhow::Result<ExitCode> {
    let (program, args) = command.split_first().context("leash: a command is missing")?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("leash: failed to ask the kernel")?;
    // The parent may have ended before the kernel was asked.
    let real = rustix::process::getppid().map(Pid::as_raw_pid);
    ensure!(real == i32::try_from(parent).ok(), "leash: the parent has gone");
    let error = std::process::Command::new(program).args(args).exec();
    Err(error).with_context(|| format!("failed to start {}", program.to_string_lossy()))
}
