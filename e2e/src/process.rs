//! Processes, started and looked at from outside.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command};

use anyhow::{Context, ensure};

/// A process that is killed when the test ends, however it ends.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.spawn();
        Ok(Self(child.with_context(|| format!("failed to start {}", command.get_program().display()))?))
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Its exit code once it has ended by itself.
    pub fn exit_code(&mut self) -> anyhow::Result<Option<i32>> {
        Ok(self.0.try_wait()?.and_then(|status| status.code()))
    }

    /// Processes it has started that have not ended.
    pub fn children(&self) -> BTreeSet<u32> {
        processes().into_iter().filter(|pid| parent_of(*pid) == Some(self.pid())).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail when it has ended already, and then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal by its name, such as INT.
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status()?;
    ensure!(status.success(), "can't send {name} to {pid}");
    Ok(())
}

/// Whether a process exists and has not ended.
pub fn is_alive(pid: u32) -> bool {
    parent_of(pid).is_some()
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// `None` for a process that does not exist, or has ended and only waits to be noticed.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the state and the parent follow it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.next()?.parse().ok())?
}
