//! A running server: started on its CPUs, frozen while others have their turn, killed at the end.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::cpus::Placement;

/// How long a server may take until it accepts connections.
const MOST_START: Duration = Duration::from_secs(10);

/// A server of a process group of its own.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Pid,
    address: SocketAddr,
}

impl Running {
    /// Starts `command`, which will listen on `address`. What it writes goes to `log`.
    pub fn start(
        mut command: Command,
        address: SocketAddr,
        placement: &Placement,
        log: &Path,
    ) -> anyhow::Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let output = File::create(log).with_context(|| format!("failed to create {}", log.display()))?;
        command.process_group(0).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        // A process gets the CPUs of the thread that starts it.
        placement.server.bind()?;
        let spawned = command.spawn();
        placement.client.bind()?;
        let child =
            spawned.with_context(|| format!("failed to start {}", command.get_program().display()))?;
        let group = Pid::from_child(&child);
        let mut running = Self { child, group, address };
        running.wait_until_it_listens(log)?;
        Ok(running)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// It runs no more until [`Self::thaw`].
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// It runs.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn wait_until_it_listens(&mut self, log: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + MOST_START;
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}; see {}", log.display());
            }
            if Instant::now() > deadline {
                bail!("it did not listen on {} within {MOST_START:?}; see {}", self.address, log.display());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        // It may have ended: then the next exchange with it tells.
        let _ = kill_process_group(self.group, signal);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// An address of the loopback interface that is free at the moment.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}
