//! An open-loop client: Poisson arrivals over as many connections as are needed, in one thread.

use std::cell::RefCell;
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

/// Latencies from the intended send time, in rising order, at that rate over all `addresses`: each request goes to one
/// of them at random. Within a `LocalSet` or a local runtime.
pub async fn latencies(
    addresses: &[SocketAddr],
    rate: f64,
    duration: Duration,
) -> anyhow::Result<Vec<Duration>> {
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
    let mut latencies = Vec::with_capacity(requests.len());
    for request in requests {
        latencies.push(request.await??);
    }
    latencies.sort();
    Ok(latencies)
}

/// One request; returns its latency.
async fn request(pool: Pool, intended: Instant) -> anyhow::Result<Duration> {
    let idle = pool.idle.borrow_mut().pop();
    let mut sender = match idle {
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
