//! Load: an open-loop schedule played against one server, every request with what became of it.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::time::Duration;

use headroom_load::account::{Ended, Ledger, Objective, Quantile, Run, summarise};
use headroom_load::engine::{Destination, Engine, Reuse, Setup};
use headroom_load::http::{Request, Target};
use headroom_load::plan::{Arrivals, Rate, Spacing};
use headroom_load::report::Summary;

/// Connections a schedule may have open: more than what waits at a server without admission before clients give up.
const MOST_CONNECTIONS: usize = 6000;

/// A schedule and to whom it goes.
#[derive(Debug, Clone)]
pub struct Load {
    /// The server.
    pub to: SocketAddr,
    /// Further headers, one for each kind of client; requests are sent by each in turn.
    pub clients: Vec<Vec<String>>,
    /// Requests per second, as `(seconds, rate)` one after the other.
    pub steps: Vec<(f64, f64)>,
    /// Most connections open at a time to each kind of client.
    pub connections: usize,
    /// When a client gives up.
    pub timeout: Duration,
    /// Longest latency of a good answer.
    pub objective: Duration,
    /// Of the send times.
    pub seed: u64,
}

/// What became of it.
#[derive(Debug)]
pub struct Played {
    /// Every request.
    pub requests: Vec<Ended>,
    /// Counts, latencies, and how well the generator kept its schedule.
    pub summary: Summary,
}

impl Load {
    /// One kind of client, with as many connections as it takes, that gives up after 1 s.
    pub fn new(to: SocketAddr, objective: Duration, steps: Vec<(f64, f64)>, seed: u64) -> Self {
        let (clients, timeout) = (vec![Vec::new()], Duration::from_secs(1));
        Self { to, clients, steps, connections: MOST_CONNECTIONS, timeout, objective, seed }
    }

    /// Plays it; returns when the last request has ended.
    pub fn play(self) -> anyhow::Result<Played> {
        let target = Target::parse(&format!("http://{}/", self.to))?;
        let destination = |headers: &Vec<String>| {
            let request = Request::write(&target, "GET", headers, 0, false)?;
            anyhow::Ok(Destination { address: self.to, request })
        };
        let destinations = self.clients.iter().map(destination).collect::<Result<Vec<_>, _>>()?;
        let rate = Rate::steps(self.steps.iter().copied())?;
        let arrivals = Arrivals::new(rate, Spacing::Poisson, self.seed);
        let objective = Objective { quantile: Quantile::P99, threshold: self.objective };
        let targets = destinations.len();
        let ledger = Ledger::new(targets, vec![objective], self.timeout, Duration::ZERO)?.keep_log();
        let setup = Setup {
            destinations,
            connections_per_destination: self.connections,
            reuse: Reuse::KeepAlive,
            timeout: self.timeout,
            end: arrivals.end(),
        };
        // Nobody listens to the notes.
        let (notes, _) = channel();
        let mut done = Engine::new(setup, arrivals, ledger)?.run(&AtomicBool::new(false), &notes)?;
        let requests = done.ledger.take_log();
        let run = Run {
            started_at_unix_seconds: 0.0,
            targets: vec![target.authority.clone(); targets],
            connections_opened: done.connections_opened,
            requests_sent: done.requests_sent,
            cpu: Duration::ZERO,
            interrupted: done.interrupted,
            seed: self.seed,
        };
        Ok(Played { requests, summary: summarise(done.ledger, run) })
    }
}
