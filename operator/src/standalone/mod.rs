//! Standalone mode: one service as local processes, sized by the same core as in a cluster.
//!
//! One loop, one tick a second: observe, decide, act, report. Validation comes before ([`crate::validate`]), because a
//! file does not change while it is used.

mod act;
mod admin;
mod args;
mod backoff;
mod fleet;
mod front;
pub mod leash;
mod observe;
mod process;
pub mod report;

pub use args::{Args, ServerArgs, beside_us};
pub use fleet::Life;
pub use process::Launch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use headroom_core::{Decision, Observation, State, decide};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::observe::Fetcher;
use crate::outcome::Outcome;
use crate::validate::{Mode, Service};
use fleet::Fleet;
use front::{Backends, Front};
use process::Surroundings;

const TICK: Duration = Duration::from_secs(1);

/// How standalone mode runs.
#[derive(Debug)]
pub struct Options {
    /// How servers are started.
    pub launch: Launch,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where `/debug/services` is.
    pub admin: SocketAddr,
    /// Pods at the beginning; `None`: `minReplicas`.
    pub replicas: Option<u32>,
}

/// One turn of the loop.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// When.
    pub at: Timestamp,
    /// What was seen.
    pub observation: Observation,
    /// What was decided; `None` while paused.
    pub decision: Option<Decision>,
    /// What was done about it.
    pub outcome: Outcome,
    /// The lives of all pods that exist, and of those that ended since the last tick.
    pub lives: Vec<Life>,
}

/// One service running as local processes.
#[derive(Debug)]
pub struct Standalone {
    service: Service,
    clock: Clock,
    fetcher: Fetcher,
    fleet: Fleet,
    front: Front,
    admin: SocketAddr,
    remembered: State,
    ticker: Interval,
    shown: watch::Sender<Option<Arc<Tick>>>,
}

impl Standalone {
    /// Opens the ports and starts the first servers. To be called on a thread that lives as long as the process, on a
    /// runtime of that thread: see [`leash`].
    pub async fn start(service: Service, options: Options) -> anyhow::Result<Self> {
        let clock = Clock::set();
        let (shown, last) = watch::channel(None);
        let admin = admin::serve(options.admin, last, clock).await;
        let admin = admin.with_context(|| cannot_listen("admin", options.admin))?;
        let backends = Backends::default();
        let front = Front::start(options.listen, backends.clone());
        let front = front.with_context(|| cannot_listen("listen", options.listen))?;
        let fetcher = Fetcher::default();
        let around = Surroundings { launch: Arc::new(options.launch), backends, fetcher: fetcher.clone() };
        let mut fleet = Fleet::new(&service.name, around);
        fleet.resize(options.replicas.unwrap_or_else(|| service.policy.min_replicas().0), clock.now());
        let mut ticker = interval(TICK);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let remembered = State::default();
        Ok(Self { service, clock, fetcher, fleet, front, admin, remembered, ticker, shown })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// Where `/debug/services` is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The clock of every [`Timestamp`] here.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Waits until the next tick is due, and follows what happens to the servers meanwhile. May be dropped and called
    /// again at any time; nothing is lost.
    pub async fn due(&mut self) {
        loop {
            tokio::select! {
                _ = self.ticker.tick() => return,
                event = self.fleet.next_event() => self.fleet.absorb(event, self.clock.now()),
            }
        }
    }

    /// Looks, thinks, acts and tells. Not to be dropped before it is done.
    pub async fn tick(&mut self) -> Arc<Tick> {
        self.fleet.reconcile(self.clock.now());
        let observation = observe::observe(&self.fleet, &self.fetcher, &self.service.policy).await;
        let now = self.clock.now();
        let (decision, outcome) = match self.service.mode {
            Mode::Paused => (None, Outcome::Unchanged),
            mode => {
                let remembered = std::mem::take(&mut self.remembered);
                let (decision, state) = decide(&self.service.policy, remembered, &observation, now);
                self.remembered = state;
                let outcome = act::act(&mut self.fleet, mode, &decision, now);
                (Some(decision), outcome)
            }
        };
        let mut lives = self.fleet.take_ended();
        lives.extend(self.fleet.pods().iter().map(|pod| pod.life.clone()));
        let tick = Arc::new(Tick { at: now, observation, decision, outcome, lives });
        self.shown.send_replace(Some(Arc::clone(&tick)));
        tick
    }

    /// Finishes the requests in progress, then stops every server and waits for their end. Returns the lives of the
    /// pods that ended since the last tick.
    pub async fn stop(mut self) -> Vec<Life> {
        self.front.stop().await;
        self.fleet.drain(|| self.clock.now()).await;
        self.fleet.take_ended()
    }
}

fn cannot_listen(flag: &str, address: SocketAddr) -> String {
    format!("can't listen on {address}: choose another address with --{flag}")
}
