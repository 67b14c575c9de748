//! A server process on its own CPU, and its admin port.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use headroom_workload::stats::Stats;
use rustix::thread::{CpuSet, sched_setaffinity};
use serde::Deserialize;

/// Where servers run.
const SERVER_CPU: usize = 0;
/// Where the load comes from.
const LOAD_CPU: usize = 1;

/// A running server; dropping it ends it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    announced: Announced,
}

/// The line a server prints when it listens.
#[derive(Debug, Deserialize)]
struct Announced {
    listening: SocketAddr,
    admin: SocketAddr,
}

impl Process {
    /// Starts the program with one worker on free ports, on the CPU for servers.
    pub fn start<S: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = S>) -> anyhow::Result<Self> {
        // A child begins where the thread that made it runs.
        pin_this_thread(SERVER_CPU)?;
        let child = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--workers", "1"])
            .args(args)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!("failed to start {}; build it with make bench-overload", program.display())
            });
        pin_this_thread(LOAD_CPU)?;
        let mut child = child?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let announced = serde_json::from_str(&line)
            .with_context(|| format!("the server did not start: it printed {line:?}"))?;
        Ok(Self { child, announced })
    }

    /// Where requests go.
    pub fn listening(&self) -> SocketAddr {
        self.announced.listening
    }

    /// Where its admin port is.
    pub fn admin(&self) -> SocketAddr {
        self.announced.admin
    }

    /// Its statistics now.
    pub fn stats(&self) -> anyhow::Result<Stats> {
        Ok(fetch_stats(self.admin())?.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already if this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the program has that flag: one of another version may be measured too.
pub fn has_flag(program: &Path, flag: &str) -> bool {
    let help = Command::new(program).arg("--help").output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains(flag))
}

/// Keeps this thread on the CPU for the load. Threads it starts are kept there too.
pub fn pin_to_load_cpu() -> anyhow::Result<()> {
    pin_this_thread(LOAD_CPU)
}

fn pin_this_thread(cpu: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set)
        .with_context(|| format!("failed to run on CPU {cpu}; two CPUs are needed, one for the server"))
}

/// Asks an admin port for its statistics, on a new connection; says how long the answer took.
pub fn fetch_stats(admin: SocketAddr) -> anyhow::Result<(Stats, Duration)> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let asked = Instant::now();
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /stats HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let took = asked.elapsed();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("/stats answered {answer:?}") };
    ensure!(head.starts_with("HTTP/1.1 200"), "/stats answered {head:?}");
    Ok((serde_json::from_str(body).context("/stats is not what it should be")?, took))
}
