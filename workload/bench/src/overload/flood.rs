//! One client that sends far more than a server can answer, beside others that behave.

use std::path::Path;
use std::time::Duration;

use super::load::{Load, Played};
use super::process::{Process, has_flag, pin_to_load_cpu};
use super::subject::{Handler, Mode};

/// What the flooding client sends, over the capacity.
pub const FACTOR: f64 = 10.0;
/// What the others send together, over the capacity.
const OTHERS: f64 = 0.5;
/// How many others there are: none of them near the limit of one client.
const CLIENTS: usize = 8;

/// What the others got.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// Good answers of the others over what they asked for, in percent.
    pub others_goodput_percent: f64,
    /// 99th percentile of the others' latency.
    pub others_p99_seconds: f64,
    /// 99th percentile of how far the generators were behind.
    pub behind_seconds: f64,
}

/// Plays it against a new server with the CPU handler.
pub fn measure(
    program: &Path,
    mode: Mode,
    flags: Vec<String>,
    capacity: f64,
    seconds: f64,
) -> anyhow::Result<Flood> {
    let mut flags = flags;
    if mode == Mode::Adaptive && has_flag(program, "--client-key") {
        flags.extend(["--client-key", "header:x-client"].map(str::to_owned));
    }
    let server = Process::start(program, &flags)?;
    let load = |clients: Vec<Vec<String>>, factor: f64, seed| Load {
        clients,
        ..Load::new(server.listening(), Handler::Cpu.objective(), vec![(seconds, factor * capacity)], seed)
    };
    let name = |name: String| vec![format!("X-Client: {name}")];
    let calm = load((0..CLIENTS).map(|number| name(format!("client-{number}"))).collect(), OTHERS, 1);
    let flood = load(vec![name("flood".to_owned())], FACTOR, 2);
    // A second alone, so that the server knows what is usual.
    Load { steps: vec![(1.0, OTHERS * capacity)], ..calm.clone() }.play()?;
    let flooding = std::thread::spawn(move || {
        pin_to_load_cpu()?;
        flood.play()
    });
    let others = calm.play()?;
    let flood = flooding.join().map_err(|_| anyhow::anyhow!("the flooding thread panicked"))??;
    Ok(outcome(&others, &flood))
}

fn outcome(others: &Played, flood: &Played) -> Flood {
    let behind = |played: &Played| played.summary.schedule.p99_behind_seconds;
    let timeout = Duration::from_secs(1).as_secs_f64();
    Flood {
        others_goodput_percent: 100.0 * others.summary.goodput,
        others_p99_seconds: others.summary.latency.p99_seconds.unwrap_or(timeout),
        behind_seconds: behind(others).max(behind(flood)),
    }
}
