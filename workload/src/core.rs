//! What all threads of one server share, and its `/stats`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, fence};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::Router;
use tokio::sync::watch;

use crate::admission::{Gate, WorkerId};
use crate::brownout::Brownout;
use crate::clock::Clock;
use crate::door::Door;
use crate::host::{Cpu, Host, process_cpu_seconds};
use crate::intake::Watch;
use crate::record::Record;
use crate::settings::Settings;
use crate::stats::{ConnectionsClosed, Histogram, Rejected, Responses, STATS_VERSION, Stats, StreamsClosed};
use crate::tls::Port;
use crate::upstream::Settlement;
use crate::watch::Pulses;
use crate::worker::Roster;

/// One server.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) boot_id: String,
    pub(crate) settings: Settings,
    pub(crate) router: Router,
    pub(crate) gate: Arc<Gate>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) cpu: Cpu,
    pub(crate) door: Door,
    pub(crate) host: Host,
    pub(crate) pulses: Pulses,
    /// Whether each worker keeps to a CPU of its own.
    pub(crate) pinned: AtomicBool,
    /// Connections open now.
    pub(crate) open: Arc<AtomicUsize>,
    /// Connections closed at once because too many were open.
    pub(crate) turned_away: AtomicUsize,
    /// TLS on the port for requests.
    pub(crate) tls: Option<Arc<Port>>,
    /// What the service gives up under load.
    pub(crate) brownout: Brownout,
    stage: watch::Sender<Stage>,
    /// Who was admitted and then failed because of a breaker.
    settlement: Mutex<Settlement>,
    /// By worker number.
    records: RwLock<Vec<Arc<Record>>>,
}

/// How far in its life a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Not serving yet.
    Starting,
    Ready,
    /// Serving, but load balancers should look away.
    Unready,
    /// Finishing what there is.
    Closing,
}

impl Stage {
    pub(crate) fn is_ending(self) -> bool {
        self >= Self::Unready
    }
}

impl Core {
    pub(crate) fn new(
        router: Router,
        settings: Settings,
        host: Host,
        door: Door,
        tls: Option<Arc<Port>>,
    ) -> Arc<Self> {
        let clock = Clock::start();
        let roster = Arc::new(Roster::default());
        let rules = settings.rules();
        Arc::new(Self {
            watch: Watch::new(&settings.overload),
            clock,
            boot_id: format!("{:032x}", rand::random::<u128>()),
            settings,
            router,
            gate: Gate::new(clock, rules, Arc::clone(&roster)),
            roster,
            cpu: Cpu::default(),
            door,
            host,
            pulses: Pulses::default(),
            pinned: AtomicBool::default(),
            open: Arc::default(),
            turned_away: AtomicUsize::default(),
            tls,
            brownout: Brownout::default(),
            stage: watch::Sender::new(Stage::Starting),
            settlement: Mutex::default(),
            records: RwLock::default(),
        })
    }

    pub(crate) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// How far the server is, for those who look again and again.
    pub(crate) fn stages(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Goes on to a later stage; never back.
    pub(crate) fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let later = to > *stage;
            *stage = to.max(*stage);
            later
        });
    }

    /// Returns once the server is that far.
    pub(crate) async fn reached(&self, wanted: Stage) {
        // The sender lives in `self`: it can't be gone.
        drop(self.stage.subscribe().wait_for(|stage| *stage >= wanted).await);
    }

    /// Whether no connection is open and no request is anywhere.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.load(Relaxed) == 0 && self.gate.is_idle()
    }

    /// The record of a worker number, made when it is first used.
    pub(crate) fn record_of(&self, worker: WorkerId) -> Arc<Record> {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        while records.len() <= worker.0 {
            records.push(Arc::new(Record::new(&self.settings.objectives)));
        }
        Arc::clone(&records[worker.0])
    }

    /// Everything seen so far.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.empty_stats();
        // Before admission is looked at: an answer is recorded after its slot was left, so that there are never more
        // answers than requests that have left.
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner).clone();
        for record in &records {
            record.add_to(&mut stats);
        }
        fence(Acquire);

        // Before the counts are read: snapshots are settled in their order.
        let mut settlement = self.settlement.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = self.gate.snapshot();
        stats.at_nanos = tally.at.0;
        stats.queued = tally.queued;
        stats.in_flight = tally.in_flight;
        stats.arrivals = tally.arrivals;
        stats.retries = tally.retries;
        stats.adaptive_limit = tally.adaptive_limit;
        stats.delay_bound_seconds = tally.delay_bound.0 as f64 * 1e-9;
        stats.overloaded = tally.overloaded;
        let clients = self.watch.clients.as_ref();
        stats.limited_clients = clients.map(|clients| clients.in_use(tally.at) as u64);
        let (admitted, breaker) = settlement.settle(tally.admitted, stats.rejected.breaker);
        stats.admitted = admitted;
        drop(settlement);
        stats.rejected = Rejected { breaker, ..tally.rejected };
        stats.in_flight_seconds = tally.in_flight_seconds;
        stats.queued_seconds = tally.queued_seconds;
        stats.busy_seconds_per_worker = tally.occupied_seconds.unwrap_or_else(|| self.cpu.seconds());
        stats.busy_seconds = stats.busy_seconds_per_worker.iter().sum();
        self.brownout.add_to(&mut stats);
        stats
    }

    fn empty_stats(&self) -> Stats {
        let workers = self.gate.live().len() as u32;
        Stats {
            stats_version: STATS_VERSION,
            boot_id: self.boot_id.clone(),
            at_nanos: 0,
            revision: self.settings.revision.clone(),
            workers,
            pinned: self.pinned.load(Relaxed),
            concurrency_limit: self
                .settings
                .rules()
                .slots_per_worker
                .map(|slots| slots.saturating_mul(workers)),
            adaptive_limit: None,
            delay_bound_seconds: 0.0,
            overloaded: false,
            limited_clients: None,
            connections: Some(u32::try_from(self.open.load(Relaxed)).unwrap_or(u32::MAX)),
            connections_closed: ConnectionsClosed::default(),
            streams_closed: StreamsClosed::default(),
            queued: 0,
            in_flight: 0,
            arrivals: 0,
            retries: 0,
            admitted: 0,
            rejected: Rejected::default(),
            responses: Responses::default(),
            objectives: Vec::new(),
            in_flight_seconds: 0.0,
            queued_seconds: 0.0,
            busy_seconds: 0.0,
            busy_seconds_per_worker: Vec::new(),
            cpu_seconds: process_cpu_seconds(),
            throttled_seconds: self.host.throttled_seconds(),
            tls: self.tls.as_ref().map(|port| port.stats()),
            brownout: None,
            latency: Histogram::default(),
            service: Histogram::default(),
            queue_wait: Histogram::default(),
        }
    }
}
