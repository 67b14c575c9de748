//! A child that cleans up after its parent should that end without doing so, as by KILL.

use std::io::{BufRead, Write};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use headroom_e2e::cluster::{Cluster, ProcessIdentity, Progress};
use rustix::process::Signal;

/// The child. Its standard input ends when its parent does, however that comes about.
#[derive(Debug)]
pub struct Watchdog(Child);

impl Watchdog {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("where is this program?")?;
        // A session of its own: what ends this process by way of the terminal or the group does not end the watchdog.
        let mut command = Command::new("setsid");
        command.arg(own).arg("watchdog").stdin(Stdio::piped()).stdout(Stdio::null());
        Ok(Self(command.spawn().context("can't start the watchdog")?))
    }

    /// Names a process that is to end too.
    pub fn tell(&mut self, pid: u32) -> anyhow::Result<()> {
        let input = self.0.stdin.as_mut().context("the watchdog has no input")?;
        writeln!(input, "{pid}").context("the watchdog has ended")
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The cluster is gone or was not made: there is nothing left to watch.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the child does: waits for the end of its input, then ends the named processes and removes the cluster.
pub fn watch(progress: &Progress) -> anyhow::Result<()> {
    let lines = std::io::stdin().lock().lines().map_while(Result::ok);
    // Taken note of at once, so that a later process with the same number is not meant.
    let named: Vec<_> = lines.filter_map(|line| ProcessIdentity::of(line.parse().ok()?)).collect();
    progress.say("headroom-cluster ended early; its watchdog removes the cluster");
    named.iter().try_for_each(|process| process.signal(Signal::KILL))?;
    Cluster::down_if_abandoned(progress)
}
