//! What a rejection costs beside the smallest request that is served.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::cycle::quantile;
use super::load::Load;
use super::process::Process;

/// CPU time of the server for each request, in microseconds; medians of several rounds.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectionCost {
    /// A small GET that is answered.
    pub served_cpu_micros: f64,
    /// The same GET while there is no room.
    pub rejected_cpu_micros: f64,
    /// The latter over the former.
    pub ratio: f64,
}

/// More than a server answers: the connections are always busy.
const RATE: f64 = 60_000.0;
const CONNECTIONS: usize = 64;

/// Two servers in turn: one that answers, and one whose only slot is taken.
pub fn measure(program: &Path, rounds: usize) -> anyhow::Result<RejectionCost> {
    let served = Process::start(program, ["--cpu", "0s", "--wait", "0s"])?;
    let full =
        ["--cpu", "0s", "--wait", "1h", "--request-timeout", "1h", "--slots-per-worker", "1", "--queue", "0"];
    let full = Process::start(program, full)?;
    let mut occupant = TcpStream::connect(full.listening())?;
    occupant.write_all(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    while full.stats()?.in_flight == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut costs = (Vec::new(), Vec::new());
    for round in 0..rounds as u64 {
        costs.0.push(micros_per_request(&served, round)?);
        costs.1.push(micros_per_request(&full, round)?);
    }
    let (served, rejected) = (quantile(&costs.0, 0.5), quantile(&costs.1, 0.5));
    Ok(RejectionCost { served_cpu_micros: served, rejected_cpu_micros: rejected, ratio: rejected / served })
}

fn micros_per_request(server: &Process, seed: u64) -> anyhow::Result<f64> {
    let mut load = Load::new(server.listening(), Duration::from_secs(1), vec![(1.0, RATE)], seed);
    load.connections = CONNECTIONS;
    // What does not get a connection in time is not sent.
    load.timeout = Duration::from_millis(100);
    let before = server.stats()?;
    load.play()?;
    let after = server.stats()?;
    let requests = after.arrivals.saturating_sub(before.arrivals);
    Ok((after.cpu_seconds - before.cpu_seconds) * 1e6 / requests.max(1) as f64)
}
