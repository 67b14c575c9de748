//! How close the server comes to M/M/4: four workers with one slot each, handlers that wait 10 ms exponentially,
//! Poisson arrivals by an open-loop client in this process. Bisects for the highest rate at which at most 1 % of the
//! requests take longer than 100 ms, and prints it beside the closed form.
//!
//! `cargo run --release -p headroom-workload --example capacity -- --seconds 30 --steps 6`

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use headroom_workload::{Cost, CostDistribution, Queue, Server, Workers, sample_service};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand_distr::{Distribution as _, Exp1};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

const WORKERS: usize = 4;
const SERVICE: Duration = Duration::from_millis(10);
const THRESHOLD: Duration = Duration::from_millis(100);
/// The share of requests that may be over the threshold.
const MOST_LATE: f64 = 0.01;
/// Not counted at the beginning of each rate.
const WARM_UP: Duration = Duration::from_secs(2);

#[derive(Parser)]
struct Args {
    /// Seconds at each rate.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Rates to try.
    #[arg(long, default_value_t = 6)]
    steps: u32,
}

type Sender = SendRequest<Empty<Bytes>>;

/// Open connections that nobody uses at the moment.
#[derive(Clone)]
struct Pool {
    address: SocketAddr,
    idle: Rc<RefCell<Vec<Sender>>>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let cost = Cost {
        cpu: Duration::ZERO,
        wait: SERVICE,
        wait_slots: None,
        distribution: CostDistribution::Exponential,
        answer_bytes: 13,
    };
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    // Nothing is turned away: the closed form knows no bounds either.
    let server = Server::builder(sample_service(cost))
        .listen(any_port)
        .admin(any_port)
        .workers(Workers::Exactly(NonZeroUsize::new(WORKERS).unwrap_or(NonZeroUsize::MIN)))
        .slots_per_worker(NonZeroU32::MIN)
        .queue(Queue { length: 100_000, delay: Duration::from_mins(1) })
        .start()?;
    let address = server.addresses().listening;
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let closed_form = closed_form();
    let hard = WORKERS as f64 / SERVICE.as_secs_f64();
    let (mut holds, mut fails) = (0.7 * closed_form, hard);
    for _ in 0..args.steps {
        let rate = f64::midpoint(holds, fails);
        let late = runtime.block_on(share_late(address, rate, Duration::from_secs(args.seconds)))?;
        writeln!(io::stderr(), "{rate:.1}/s: {:.2} % over {THRESHOLD:?}", late * 100.0)?;
        *(if late <= MOST_LATE { &mut holds } else { &mut fails }) = rate;
    }
    let capacity = f64::midpoint(holds, fails);
    let report = serde_json::json!({ "capacity": capacity, "closedForm": closed_form, "ratio": capacity / closed_form });
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}

/// The share of requests over the threshold, from the intended send time, at that rate.
async fn share_late(address: SocketAddr, rate: f64, duration: Duration) -> anyhow::Result<f64> {
    // For each rate anew: the server closes connections that were idle for long.
    let pool = Pool { address, idle: Rc::default() };
    let mut draws = StdRng::seed_from_u64(1);
    let mut at = Instant::now();
    let (counted_from, end) = (at + WARM_UP, at + WARM_UP + duration);
    let mut requests: Vec<JoinHandle<anyhow::Result<Duration>>> = Vec::new();
    while at < end {
        let pause: f64 = Exp1.sample(&mut draws);
        at += Duration::from_secs_f64(pause / rate);
        sleep_until(at).await;
        let request = spawn_local(request(pool.clone(), at));
        if at >= counted_from {
            requests.push(request);
        }
    }
    let (mut late, all) = (0, requests.len());
    for request in requests {
        late += usize::from(request.await?? > THRESHOLD);
    }
    Ok(late as f64 / all as f64)
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

/// The rate at which [`MOST_LATE`] of the requests of M/M/c take longer than the threshold.
fn closed_form() -> f64 {
    let (mut holds, mut fails) = (0.0, WORKERS as f64 / SERVICE.as_secs_f64());
    for _ in 0..60 {
        let rate = f64::midpoint(holds, fails);
        *(if late_in_theory(rate) <= MOST_LATE { &mut holds } else { &mut fails }) = rate;
    }
    holds
}

/// P(T > t) of M/M/c at that rate: its own service after a wait, if it has to (Erlang C).
fn late_in_theory(rate: f64) -> f64 {
    let (c, mu, t) = (WORKERS as f64, SERVICE.as_secs_f64().recip(), THRESHOLD.as_secs_f64());
    let load = rate / mu;
    let mut blocked = 1.0;
    for servers in 1..=WORKERS {
        blocked = load * blocked / (servers as f64 + load * blocked);
    }
    let waits = blocked / (1.0 - load / c * (1.0 - blocked));
    let spare = c * mu - rate - mu;
    // The integral of the wait's share up to t; 0/0 where both tails decay equally fast.
    let waited = if spare.abs() < 1e-6 { t } else { -(-spare * t).exp_m1() / spare };
    (-mu * t).exp() * (1.0 + waits * mu * waited)
}
