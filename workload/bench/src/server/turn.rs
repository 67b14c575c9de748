//! One server's turn in a round: warmed up, then measured from rest to rest.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use super::case::{Case, Protocol};
use super::client::{Client, Plain, Route, Sample, Target, Tls, Wire, configuration, request};
use super::h2load;
use super::process::Running;
use super::usage::CpuTime;

/// Requests of h2load that tell how many there may be in a turn.
const WARM_UP_REQUESTS: u64 = 20_000;

/// How long a turn takes.
#[derive(Debug, Clone, Copy)]
pub struct Length {
    pub warm_up: Duration,
    pub measured: Duration,
}

impl Length {
    /// With what it takes to open the connections.
    pub fn total(self) -> Duration {
        self.warm_up + self.measured + Duration::from_millis(100)
    }
}

/// What was measured in a turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    pub requests_per_second: f64,
    pub cpu_micros: f64,
    /// Of the CPU time, 0 to 1.
    pub user_share: f64,
    pub p50_micros: f64,
    pub p99_micros: f64,
    /// CPU time of the client for a request, where it is known.
    pub client_micros: Option<f64>,
    /// CPU time over elapsed time and workers, 0 to 1.
    pub utilisation: f64,
}

/// Measures a server that is running. `folder` is for files of the client.
pub fn measure(server: &Running, case: Case, length: Length, folder: &Path) -> anyhow::Result<Turn> {
    let one_request = case.protocol.one_request();
    let target = Target { route: Route::to(server.address()), request: request(case.protocol), one_request };
    match case.protocol {
        Protocol::H1 | Protocol::H1Close | Protocol::H1Json | Protocol::H1Post => {
            by_client(server, case, length, Client::<Plain>::open(target, case.connections, ())?)
        }
        Protocol::Tls | Protocol::TlsHandshake => {
            by_client(server, case, length, Client::<Tls>::open(target, case.connections, configuration()?)?)
        }
        Protocol::H2 => by_h2load(server, case, length, folder),
    }
}

/// It opens its connections within the measured time: thousands of requests for each make that small.
fn by_h2load(server: &Running, case: Case, length: Length, folder: &Path) -> anyhow::Result<Turn> {
    let warm = h2load::run(server.address(), case.connections, WARM_UP_REQUESTS, folder)?;
    let rate = warm.requests as f64 / warm.elapsed.as_secs_f64();
    let requests = (rate * length.measured.as_secs_f64()) as u64;
    let before = CpuTime::of(server.pid())?;
    let sample = h2load::run(server.address(), case.connections, requests.max(WARM_UP_REQUESTS), folder)?;
    let used = CpuTime::of(server.pid())?.since(before);
    Ok(Turn::new(&sample, used, case.workers))
}

fn by_client<W: Wire>(
    server: &Running,
    case: Case,
    length: Length,
    mut client: Client<W>,
) -> anyhow::Result<Turn> {
    client.run(length.warm_up)?;
    // Both readings are taken while the server rests, when its threads' times are exact.
    let before = CpuTime::of(server.pid())?;
    let sample = client.run(length.measured)?;
    let used = CpuTime::of(server.pid())?.since(before);
    ensure!(sample.requests > 0, "no request was answered");
    Ok(Turn::new(&sample, used, case.workers))
}

impl Turn {
    fn new(sample: &Sample, used: CpuTime, workers: usize) -> Self {
        let (requests, seconds) = (sample.requests as f64, sample.elapsed.as_secs_f64());
        let nanos = used.nanos as f64;
        let micros = |quantile| sample.latency.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            requests_per_second: requests / seconds,
            cpu_micros: nanos / 1e3 / requests,
            user_share: used.user_share(),
            p50_micros: micros(0.5),
            p99_micros: micros(0.99),
            client_micros: sample.cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / requests),
            utilisation: nanos / 1e9 / seconds / workers as f64,
        }
    }
}
