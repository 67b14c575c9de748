//! Whether the server is work conserving, in two measurements with exponential handlers and Poisson arrivals.
//!
//! **Capacity**: how close it comes to M/M/c with 1, 2 and 4 workers of one slot each and handlers that wait 10 ms.
//! Bisects for the highest rate at which at most 1 % of the requests take longer than 100 ms or fail, beside the closed
//! form.
//! **Sharing**: P99 of handlers that compute for 2 ms, at 80 % load, of one server with two workers that share what
//! waits, against two servers of one worker each, between which connections are divided.
//!
//! `cargo run --release -p headroom-workload --example capacity -- --seconds 30 --steps 6`

mod client;
mod closed_form;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use headroom_workload::{Cost, CostDistribution, RunningServer, Server, Workers, sample_service};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

use self::client::measure;
use self::closed_form::Queue;

const SERVICE: Duration = Duration::from_millis(10);
const THRESHOLD: Duration = Duration::from_millis(100);
/// The share of requests that may be over the threshold.
const MOST_LATE: f64 = 0.01;
/// CPU time of a handler where sharing is measured.
const COMPUTING: Duration = Duration::from_millis(2);
const LOAD: f64 = 0.8;

#[derive(Parser)]
struct Args {
    /// Seconds at each rate.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Rates to try.
    #[arg(long, default_value_t = 6)]
    steps: u32,
    /// A short form, to see that it works.
    #[arg(long)]
    quick: bool,
}

fn main() -> anyhow::Result<()> {
    let Args { seconds, steps, quick } = Args::parse();
    let (seconds, steps) = if quick { (3, 2) } else { (seconds, steps) };
    let duration = Duration::from_secs(seconds);
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    for workers in [1, 2, 4] {
        capacity(&runtime, workers, duration, steps)?;
    }
    sharing(&runtime, duration)
}

/// Capacity with so many workers, beside the closed form.
fn capacity(runtime: &LocalRuntime, workers: usize, duration: Duration, steps: u32) -> anyhow::Result<()> {
    let server = start(workers, Duration::ZERO, SERVICE)?;
    let addresses = [server.addresses().listening];
    let queue =
        Queue { servers: workers, service: SERVICE.as_secs_f64(), threshold: THRESHOLD.as_secs_f64() };
    let closed_form = queue.capacity(MOST_LATE);
    let (mut holds, mut fails, mut failed) = (0.7 * closed_form, queue.hard(), 0);
    for _ in 0..steps {
        let rate = f64::midpoint(holds, fails);
        let outcome = runtime.block_on(measure(&addresses, rate, duration))?;
        failed += outcome.failed;
        let late = outcome.late(THRESHOLD);
        writeln!(io::stderr(), "{workers} workers, {rate:.1}/s: {:.2} % over {THRESHOLD:?}", late * 100.0)?;
        *(if late <= MOST_LATE { &mut holds } else { &mut fails }) = rate;
    }
    let capacity = f64::midpoint(holds, fails);
    let report = serde_json::json!({
        "workers": workers, "capacity": capacity, "closedForm": closed_form, "ratio": capacity / closed_form,
        "failed": failed,
    });
    writeln!(io::stdout(), "{report}")?;
    stop(server)
}

/// P99 with two workers that share what waits, and with two that do not.
fn sharing(runtime: &LocalRuntime, duration: Duration) -> anyhow::Result<()> {
    let rate = LOAD * 2.0 / COMPUTING.as_secs_f64();
    let mut failed = 0;
    let mut p99 = |addresses: &[SocketAddr]| -> anyhow::Result<f64> {
        let outcome = runtime.block_on(measure(addresses, rate, duration))?;
        failed += outcome.failed;
        let p99 = outcome.quantile(0.99).context("more than 1 % of the requests failed: there is no P99")?;
        Ok(p99.as_secs_f64() * 1000.0)
    };
    let together = start(2, COMPUTING, Duration::ZERO)?;
    let shared = p99(&[together.addresses().listening])?;
    stop(together)?;
    let apart = [start(1, COMPUTING, Duration::ZERO)?, start(1, COMPUTING, Duration::ZERO)?];
    let divided = p99(&apart.each_ref().map(|server| server.addresses().listening))?;
    let report = serde_json::json!({
        "load": LOAD, "p99MillisShared": shared, "p99MillisPerWorkerQueues": divided, "ratio": shared / divided,
        "failed": failed,
    });
    writeln!(io::stdout(), "{report}")?;
    apart.into_iter().try_for_each(stop)
}

fn stop(server: RunningServer) -> anyhow::Result<()> {
    server.drain();
    server.join()?;
    Ok(())
}

/// A server of one slot a worker that turns nothing away: the closed form knows no bounds either.
fn start(workers: usize, cpu: Duration, wait: Duration) -> anyhow::Result<RunningServer> {
    let distribution = CostDistribution::Exponential;
    let cost = Cost { cpu, wait, wait_slots: None, distribution, answer_bytes: 13 };
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::builder(sample_service(cost))
        .listen(any_port)
        .admin(any_port)
        .workers(Workers::Exactly(NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN)))
        .slots_per_worker(NonZeroU32::MIN)
        .queue(headroom_workload::Queue { length: 100_000, delay: Duration::from_mins(1) })
        .start()?;
    Ok(server)
}
