//! The servers in pods: a fluid plant behind their admin ports. Work arrives at a rate, is spread evenly over the pods
//! that are ready, and is served by two workers a pod with 10 ms a request: 200 requests a second saturate a pod.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use headroom::controller::AdminPort;
use headroom::observe::{FetchError, WriteError};
use headroom_fake_api::FakeApi;
use headroom_workload::stats::{Histogram, ObjectiveCount, STATS_VERSION, Stats};
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Workers of a pod, and the mean time of a request.
const WORKERS: u32 = 2;
const SERVICE_SECONDS: f64 = 0.01;
/// Requests a second at which a pod is saturated.
pub const SATURATED: f64 = WORKERS as f64 / SERVICE_SECONDS;
/// Answers later than this are late, in seconds.
const THRESHOLD: f64 = 0.1;

/// How a server answers its admin port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Tells,
    /// The connection is refused.
    Refuses,
    /// It accepts, and says nothing for ten seconds.
    Hangs,
    /// Every counter is zero, though requests are served.
    Zero,
    /// What nobody can have counted.
    Garbage,
    /// It brings out a defect of ours: asking panics.
    Panics,
}

/// How the pod with this place among the pods of its target answers.
type Manners = Arc<dyn Fn(usize) -> Manner + Send + Sync>;

/// The servers of all targets.
pub struct Servers {
    api: FakeApi,
    targets: Mutex<BTreeMap<String, Target>>,
}

struct Target {
    rate: f64,
    /// Whether its servers count their connections.
    connected: bool,
    /// Orders to have at most so many connections, and when they came.
    orders: Vec<(Instant, u32)>,
    manners: Manners,
    pods: BTreeMap<String, Server>,
    seen: u64,
    at: Instant,
    chance: u64,
}

#[derive(Default)]
struct Server {
    address: Option<IpAddr>,
    ready: bool,
    seconds: f64,
    arrivals: f64,
    rejected: f64,
    late: f64,
    busy: f64,
    connections: u32,
}

impl Servers {
    pub fn new(api: &FakeApi) -> Arc<Self> {
        Arc::new(Self { api: api.clone(), targets: Mutex::default() })
    }

    /// The servers of the pods whose names begin with that of `place` (NAMESPACE/NAME) get so many requests a second.
    pub fn load(&self, place: &str, rate: f64) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let chance = place.bytes().fold(7, |sum, byte| sum * 31 + u64::from(byte));
        let target = targets.entry(place.to_owned()).or_insert_with(|| Target {
            rate,
            connected: false,
            orders: Vec::new(),
            manners: Arc::new(|_| Manner::Tells),
            pods: BTreeMap::new(),
            seen: 0,
            at: Instant::now(),
            chance,
        });
        target.advance(&self.api, place);
        target.rate = rate;
    }

    /// Clients open so many connections, each to the next of the pods that are ready now.
    pub fn connect(&self, place: &str, count: u32) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let target = targets.get_mut(place).unwrap();
        target.advance(&self.api, place);
        target.connected = true;
        target.connect(count);
    }

    /// Connections of each pod that is ready.
    pub fn connections(&self, place: &str) -> Vec<u32> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let target = targets.get_mut(place).unwrap();
        target.advance(&self.api, place);
        target.pods.values().filter(|pod| pod.ready).map(|pod| pod.connections).collect()
    }

    /// When a pod was told to have at most so many connections.
    pub fn orders(&self, place: &str) -> Vec<(Instant, u32)> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)[place].orders.clone()
    }

    /// From now on they answer like this.
    pub fn behave(&self, place: &str, manners: impl Fn(usize) -> Manner + Send + Sync + 'static) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        targets.get_mut(place).unwrap().manners = Arc::new(manners);
    }

    fn answer(&self, address: IpAddr) -> Option<(Manner, Stats)> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |target: &Target| target.pods.values().any(|pod| pod.address == Some(address));
        if !targets.values().any(has) {
            targets.iter_mut().for_each(|(place, target)| target.advance(&self.api, place));
        }
        let (place, target) = targets.iter_mut().find(|(_, target)| has(target))?;
        target.advance(&self.api, place);
        let index = target.pods.values().position(|pod| pod.address == Some(address))?;
        let (name, server) = target.pods.iter().nth(index)?;
        let mut stats = server.stats(name);
        stats.connections = target.connected.then_some(server.connections);
        Some(((target.manners)(index), stats))
    }

    /// The clients of what is ended connect again.
    fn end_some(&self, address: IpAddr, at_most: u32) -> Option<u32> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |target: &&mut Target| target.pods.values().any(|pod| pod.address == Some(address));
        let target = targets.values_mut().find(has)?;
        target.orders.push((Instant::now(), at_most));
        let server = target.pods.values_mut().find(|pod| pod.address == Some(address))?;
        let excess = server.connections.saturating_sub(at_most);
        server.connections -= excess;
        target.connect(excess);
        Some(excess)
    }
}

impl Target {
    /// Serves what arrived since the last time, by the pods that were ready then.
    fn advance(&mut self, api: &FakeApi, place: &str) {
        let seconds = self.at.elapsed().as_secs_f64();
        let ready = self.pods.values().filter(|pod| pod.ready).count();
        if seconds > 0.0 && ready > 0 {
            let arrived = self.arrived(seconds) / ready as f64;
            self.pods.values_mut().filter(|pod| pod.ready).for_each(|pod| pod.serve(arrived, seconds));
        }
        self.pods.values_mut().for_each(|pod| pod.seconds += seconds);
        self.at = Instant::now();
        let version = api.version();
        if version != std::mem::replace(&mut self.seen, version) {
            self.look(api, place);
        }
    }

    fn connect(&mut self, count: u32) {
        let mut ready: Vec<_> = self.pods.values_mut().filter(|pod| pod.ready).collect();
        let pods = ready.len();
        (0..count).for_each(|place| ready[place as usize % pods].connections += 1);
    }

    fn look(&mut self, api: &FakeApi, place: &str) {
        let (namespace, name) = place.split_once('/').unwrap();
        let prefix = format!("{name}-");
        let mut before = std::mem::take(&mut self.pods);
        for pod in api.objects(&format!("pods/{namespace}")) {
            let name = pod["metadata"]["name"].as_str().unwrap();
            if name.starts_with(&prefix) {
                let address = pod["status"]["podIP"].as_str().and_then(|ip| ip.parse().ok());
                let server = before.remove(name).unwrap_or_default();
                self.pods.insert(name.to_owned(), Server { address, ready: serves(&pod), ..server });
            }
        }
    }

    /// Arrivals of a Poisson process, nearly: the same in every run.
    fn arrived(&mut self, seconds: f64) -> f64 {
        let mean = self.rate * seconds;
        let mut uniform = || {
            self.chance =
                self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.chance >> 11) as f64 / (1_u64 << 53) as f64
        };
        let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        (mean + normal * mean.sqrt()).max(0.0)
    }
}

impl Server {
    fn serve(&mut self, arrived: f64, seconds: f64) {
        let rate = arrived / seconds;
        let served = arrived.min(SATURATED * seconds);
        let load = rate / SATURATED;
        // M/M/2: the share that waits, and of it the share that waits beyond the threshold.
        let late = if load < 1.0 {
            2.0 * load * load / (1.0 + load) * (-(SATURATED - rate) * THRESHOLD).exp()
        } else {
            0.5
        };
        self.arrivals += arrived;
        self.rejected += arrived - served;
        self.late += served * late;
        self.busy += served * SERVICE_SECONDS;
    }

    fn stats(&self, name: &str) -> Stats {
        let (arrivals, rejected, late) = (self.arrivals as u64, self.rejected as u64, self.late as u64);
        let admitted = arrivals.saturating_sub(rejected);
        let mut stats: Stats = serde_json::from_value(serde_json::json!({
            "statsVersion": STATS_VERSION, "bootId": name, "atNanos": (self.seconds * 1e9) as u64, "workers": WORKERS,
            "arrivals": arrivals, "admitted": admitted, "rejected": { "queueFull": rejected },
            "responses": { "2xx": admitted }, "busySeconds": self.busy, "cpuSeconds": self.busy,
        }))
        .unwrap();
        stats.objectives =
            vec![ObjectiveCount { name: "p99".to_owned(), good: admitted.saturating_sub(late), late }];
        stats.service = exponential(admitted);
        stats.latency = stats.service.clone();
        stats
    }
}

/// So many times from an exponential distribution, in ten steps.
fn exponential(count: u64) -> Histogram {
    let mut dense = vec![0; Histogram::BUCKETS];
    for step in 0..10 {
        let seconds = -SERVICE_SECONDS * (1.0 - (f64::from(step) + 0.5) / 10.0).ln();
        dense[Histogram::index((seconds * 1e6) as u64)] += count / 10;
    }
    Histogram::from_dense(dense)
}

/// Whether the pod gets requests.
fn serves(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    ready && pod["metadata"]["deletionTimestamp"].is_null()
}

impl AdminPort for Servers {
    fn stats(&self, admin: SocketAddr) -> BoxFuture<'_, Result<Stats, FetchError>> {
        let answer = self.answer(admin.ip());
        Box::pin(async move {
            let Some((manner, mut stats)) = answer else {
                return Err(FetchError::Failed("connection refused".to_owned()));
            };
            match manner {
                Manner::Tells => {}
                Manner::Refuses => return Err(FetchError::Failed("connection refused".to_owned())),
                Manner::Hangs => {
                    sleep(Duration::from_secs(10)).await;
                    return Err(FetchError::Timeout);
                }
                Manner::Zero => {
                    let (boot_id, at_nanos) = (stats.boot_id, stats.at_nanos);
                    stats = Server::default().stats("");
                    (stats.boot_id, stats.at_nanos) = (boot_id, at_nanos);
                }
                Manner::Panics => panic!("a defect"),
                Manner::Garbage => (stats.arrivals, stats.busy_seconds) = (u64::MAX, f64::NAN),
            }
            Ok(stats)
        })
    }

    fn set_workers<'a>(
        &'a self,
        _: SocketAddr,
        _: &'a str,
        workers: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>> {
        Box::pin(async move { Ok(workers) })
    }

    fn shed<'a>(
        &'a self,
        admin: SocketAddr,
        token: &'a str,
        at_most: u32,
    ) -> BoxFuture<'a, Result<u32, WriteError>> {
        assert!(token.starts_with("fake-token."), "{token}");
        let ended = self.end_some(admin.ip(), at_most);
        Box::pin(async move { ended.ok_or(WriteError::Timeout) })
    }
}
