//! The sample service: what a request costs is set, so that capacity and latency are real and known.

mod order;

use std::cell::Cell;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use rand_distr::{Distribution as _, Exp1};
use tokio::sync::Semaphore;

use self::order::Order;
use crate::fixed::FixedAnswer;
use crate::host::thread_cpu_seconds;

/// What one request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// CPU time, used up without a pause.
    pub cpu: Duration,
    /// Time spent waiting, as for a database. It keeps no CPU busy, but a slot.
    pub wait: Duration,
    /// Requests that may wait at the same time over all workers, as a database has so many connections; the others
    /// stand in line for it inside the handler. `None`: no limit.
    pub wait_slots: Option<NonZeroU32>,
    /// How both vary from request to request.
    pub distribution: CostDistribution,
    /// Length of the answer.
    pub answer_bytes: usize,
}

/// How the cost varies from request to request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostDistribution {
    /// Not at all.
    Fixed,
    /// Exponentially, with the cost as mean.
    Exponential,
}

#[derive(Debug, Clone)]
struct Sample {
    cost: Cost,
    /// One for each request that may wait.
    slots: Option<Arc<Semaphore>>,
    answer: Bytes,
}

/// A service that costs that much: `GET /` answers, `POST /` reads a body first, `GET /json` answers with some 300
/// bytes of JSON.
pub fn sample_service(cost: Cost) -> Router {
    let answer = cost.answer();
    let slots = cost.wait_slots.map(|slots| Arc::new(Semaphore::new(slots.get() as usize)));
    Router::new()
        .route("/", get(answer_get).post(answer_post))
        .route("/json", get(answer_json))
        .with_state(Sample { cost, slots, answer })
}

async fn answer_get(State(sample): State<Sample>) -> Bytes {
    sample.spend().await;
    sample.answer
}

async fn answer_post(State(sample): State<Sample>, _body: Bytes) -> Bytes {
    sample.spend().await;
    sample.answer
}

async fn answer_json(State(sample): State<Sample>) -> Json<Order> {
    sample.spend().await;
    Json(Order::example())
}

impl Sample {
    async fn spend(&self) {
        let cost = self.cost;
        if !cost.wait.is_zero() {
            let _slot = match &self.slots {
                // Nobody closes it, so there is always a permit in the end.
                Some(slots) => slots.acquire().await.ok(),
                None => None,
            };
            wait(cost.vary(cost.wait)).await;
        }
        if !cost.cpu.is_zero() {
            burn(cost.vary(cost.cpu));
        }
    }
}

impl Cost {
    /// The answer of a service that costs nothing, which needs no handler: `None` if it costs something, or is long.
    pub fn fixed_answer(self) -> Option<FixedAnswer> {
        let free = self.cpu.is_zero() && self.wait.is_zero();
        free.then(|| FixedAnswer::new("/", "application/octet-stream", self.answer()).ok()).flatten()
    }

    fn answer(self) -> Bytes {
        b"hello, world\n".iter().copied().cycle().take(self.answer_bytes).collect()
    }

    fn vary(self, mean: Duration) -> Duration {
        match self.distribution {
            CostDistribution::Fixed => mean,
            CostDistribution::Exponential => {
                let factor: f64 = Exp1.sample(&mut rand::rng());
                mean.mul_f64(factor)
            }
        }
    }
}

thread_local! {
    /// Seconds for which this thread's requests have waited longer than they should, less those made up for.
    static OVERSLEPT: Cell<f64> = const { Cell::new(0.0) };
}

/// Waits so long on average: the runtime's timers tick in milliseconds and are up to one late, which for a mean of
/// 10 ms is a twentieth of the capacity. What one request waits too long, the next ones wait less.
async fn wait(duration: Duration) {
    let wanted = duration.as_secs_f64();
    let owed = OVERSLEPT.get().min(wanted);
    OVERSLEPT.set(OVERSLEPT.get() - owed);
    let started = Instant::now();
    tokio::time::sleep(Duration::from_secs_f64(wanted - owed)).await;
    let overslept = started.elapsed().as_secs_f64() - (wanted - owed);
    // A stall of the whole machine is not made up for.
    OVERSLEPT.set((OVERSLEPT.get() + overslept).min(MOST_OVERSLEPT));
}

const MOST_OVERSLEPT: f64 = 0.01;

/// Keeps the thread's CPU busy. Time for which the thread does not run does not count, as with real work.
fn burn(duration: Duration) {
    let end = thread_cpu_seconds() + duration.as_secs_f64();
    let mut value = 1u64;
    while thread_cpu_seconds() < end {
        // About 1 us between two looks at the clock.
        for _ in 0..500 {
            value = black_box(value.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17));
        }
    }
}
