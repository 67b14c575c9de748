//! An open-loop client: Poisson arrivals over as many connections as are needed, in one thread.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Exp1};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

/// Not counted at the beginning.
const WARM_UP: Duration = Duration::from_secs(2);

type Sender = SendRequest<Empty<Bytes>>;

/// Open connections that nobody uses at the moment.
#[derive(Clone)]
struct Pool {
    address: SocketAddr,
    idle: Rc<RefCell<Vec<Sender>>>,
}

impl Pool {
    /// A connection that its server has not closed meanwhile, if there is one.
    fn take(&self) -> Option<Sender> {
        let mut idle = self.idle.borrow_mut();
        std::iter::from_fn(|| idle.pop()).find(|sender| !sender.is_closed())
    }
}

/// What became of all counted requests.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Of those that were answered, from the intended send time, in rising order.
    latencies: Vec<Duration>,
    pub failed: usize,
}

impl Outcome {
    /// The share of requests that took longer than `threshold`, or failed.
    pub fn late(&self, threshold: Duration) -> f64 {
        let late = self.latencies.iter().filter(|latency| **latency > threshold).count();
        (late + self.failed) as f64 / (self.latencies.len() + self.failed).max(1) as f64
    }

    /// The latency that this share of the requests keeps to; `None` if more failed than may be above it.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all = self.latencies.len() + self.failed;
        self.latencies.get((share * all as f64) as usize).copied()
    }
}

/// Sends requests at that rate over all `addresses`, each to one of them at random. Within a `LocalSet` or a local
/// runtime.
pub async fn measure(addresses: &[SocketAddr], rate: f64, duration: Duration) -> anyhow::Result<Outcome> {
    // For each rate anew: the server closes connections that were idle for long.
    let pools: Vec<_> = addresses.iter().map(|&address| Pool { address, idle: Rc::default() }).collect();
    let mut draws = StdRng::seed_from_u64(1);
    let mut at = Instant::now();
    let (counted_from, end) = (at + WARM_UP, at + WARM_UP + duration);
    let mut requests: Vec<JoinHandle<anyhow::Result<Duration>>> = Vec::new();
    while at < end {
        let pause: f64 = Exp1.sample(&mut draws);
        at += Duration::from_secs_f64(pause / rate);
        let pool = pools[draws.random_range(0..pools.len())].clone();
        sleep_until(at).await;
        let request = spawn_local(request(pool, at));
        if at >= counted_from {
            requests.push(request);
        }
    }
    let mut outcome = Outcome::default();
    for request in requests {
        match request.await? {
            Ok(latency) => outcome.latencies.push(latency),
            Err(error) => {
                outcome.failed += 1;
                writeln!(io::stderr(), "a request failed: {error:#}")?;
            }
        }
    }
    outcome.latencies.sort();
    Ok(outcome)
}

/// One request; returns its latency.
async fn request(pool: Pool, intended: Instant) -> anyhow::Result<Duration> {
    let mut sender = match pool.take() {
        Some(sender) => sender,
        None => connect(pool.address).await?,
    };
    let request = Request::get("/").header("host", "bench").body(Empty::new())?;
    let response = sender.send_request(request).await?;
    anyhow::ensure!(response.status() == 200, "answered {}", response.status());
    response.into_body().collect().await?;
    let latency = intended.elapsed();
    pool.idle.borrow_mut().push(sender);
    Ok(latency)
}

async fn connect(address: SocketAddr) -> anyhow::Result<Sender> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    spawn_local(connection);
    sender.ready().await?;
    Ok(sender)
}
