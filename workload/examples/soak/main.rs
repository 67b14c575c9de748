//! Changes the workers of running servers thousands of times under load, and counts what fails: nothing may.
//!
//! Two servers, one plain and one with TLS, are used over HTTP/1.1 and HTTP/2, by connections that are kept and by new
//! ones, by clients that never retry. The number of workers is told by `PUT /runtime`, as a controller does.
//!
//! `cargo run --release -p headroom-workload --example soak -- --changes 2000`

mod admin;
mod client;
mod load;
mod tally;
mod trust;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::routing::get;
use clap::Parser;
use headroom_workload::{Drained, RunningServer, Server, Workers, Writes};

use self::admin::Admin;
use self::client::Kind;
use self::load::Load;
use self::tally::{Phase, Tally};
use self::trust::Trust;

#[derive(Debug, Parser)]
struct Args {
    /// Changes of the number of workers, of each server.
    #[arg(long, default_value_t = 2000)]
    changes: usize,
    /// Requests that have to be answered meanwhile, at least.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// Connections that are kept, of each of the four kinds.
    #[arg(long, default_value_t = 16)]
    kept: usize,
    /// Clients that connect anew for each request, of each kind.
    #[arg(long, default_value_t = 2)]
    new: usize,
    /// Milliseconds between two changes, at least.
    #[arg(long, default_value_t = 20)]
    pause: u64,
    /// Seconds of the same load before the first change.
    #[arg(long, default_value_t = 10)]
    before: u64,
}

const TOKEN: &str = "secret-of-the-soak";

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let trust = Trust::new(folder.path())?;
    let server = |secured: bool| -> anyhow::Result<RunningServer> {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let router = Router::new().route("/", get(|| async { "hello, world\n" }));
        let server = Server::builder(router).listen(any_port).admin(any_port);
        let server = server.workers(Workers::Exactly(WORKERS[0])).writes(Writes::TokenFile(token.clone()));
        Ok(if secured { server.tls(trust.server()) } else { server }.start()?)
    };
    let servers = [server(false)?, server(true)?];
    let tally = Arc::new(Tally::default());
    let load = Load {
        kinds: Kind::all(servers.each_ref().map(|server| server.addresses().listening)),
        trust,
        tally: Arc::clone(&tally),
        kept: args.kept,
        new: args.new,
    };
    let loading = thread::spawn(move || load.run());
    thread::sleep(Duration::from_secs(args.before));
    tally.enter(Phase::During);
    let acknowledged = change(&args, &servers, &tally)?;
    tally.enter(Phase::After);
    loading.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
    report(&args, &tally, &acknowledged, servers)
}

const WORKERS: [NonZeroUsize; 6] = {
    const fn of(count: usize) -> NonZeroUsize {
        match NonZeroUsize::new(count) {
            Some(count) => count,
            None => NonZeroUsize::MIN,
        }
    }
    [of(2), of(4), of(1), of(3), of(1), of(4)]
};

/// Changes the workers of both servers so often; returns how long each change took.
fn change(args: &Args, servers: &[RunningServer; 2], tally: &Tally) -> anyhow::Result<Vec<Duration>> {
    let mut admins = servers
        .iter()
        .map(|server| Admin::connect(server.addresses().admin))
        .collect::<io::Result<Vec<_>>>()?;
    let mut acknowledged = Vec::with_capacity(2 * args.changes);
    let least = args.requests.div_ceil(args.changes as u64);
    for change in 1..=args.changes {
        let wanted = WORKERS[change % WORKERS.len()];
        for admin in &mut admins {
            let began = Instant::now();
            admin.set_workers(TOKEN, wanted).with_context(|| format!("change {change}"))?;
            acknowledged.push(began.elapsed());
        }
        thread::sleep(Duration::from_millis(args.pause));
        while tally.answered(Phase::During) < least * change as u64 && tally.failed.load(Relaxed) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        if change % 100 == 0 {
            let (answered, failed) = (tally.answered(Phase::During), tally.failed.load(Relaxed));
            writeln!(io::stderr(), "{change} changes, {answered} requests, {failed} failed")?;
        }
    }
    Ok(acknowledged)
}

fn report(
    args: &Args,
    tally: &Tally,
    acknowledged: &[Duration],
    servers: [RunningServer; 2],
) -> anyhow::Result<ExitCode> {
    let (before, during) = (tally.p99(Phase::Before), tally.p99(Phase::During));
    let failed = tally.failed.load(Relaxed);
    let mut cut = 0;
    let arrivals: u64 = servers.iter().map(|server| server.stats().arrivals).sum();
    for server in servers {
        server.drain();
        cut += u64::from(server.join()? != Drained::Completely);
    }
    let report = serde_json::json!({
        "changes": acknowledged.len(),
        "longestChangeMillis": acknowledged.iter().max().unwrap_or(&Duration::ZERO).as_secs_f64() * 1e3,
        "requests": tally.answered(Phase::During),
        "requestsByKind": tally.by_kind(),
        "keptConnections": args.kept * 4,
        "reconnects": tally.reconnects.load(Relaxed),
        "turnedAway": tally.turned_away.load(Relaxed),
        "arrivals": arrivals,
        "failed": failed,
        "failures": tally.failures(),
        "p99BeforeMicros": before,
        "p99DuringMicros": during,
        "p99Ratio": f64::from(during) / f64::from(before.max(1)),
        "serversCut": cut,
    });
    writeln!(io::stdout(), "{report}")?;
    let enough = tally.answered(Phase::During) >= args.requests;
    Ok(if failed == 0 && cut == 0 && enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
