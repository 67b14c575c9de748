//! The service under test, whose handlers wait until the test lets them go.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use headroom_workload::stats::Stats;
use headroom_workload::{Drained, Limits, Queue, RunningServer, Server, Workers};
use tokio::sync::Semaphore;

use crate::client::{Client, PATIENCE, Reply};

/// A running server and the hand on its handlers.
pub(crate) struct Service {
    pub(crate) server: RunningServer,
    held: Arc<Semaphore>,
}

/// Routes: `/` answers, `/held` answers once released, `/panic` panics, `/large` sends 64 MiB, POST `/` counts bytes,
/// POST `/echo` sends them back as they come.
pub(crate) fn start(configure: impl FnOnce(Server) -> Server) -> Service {
    let held = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&held);
    let wait = move || async move {
        gate.acquire().await.unwrap().forget();
        "released"
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/echo", post(|body: Body| async { body }))
        .route("/held", get(wait))
        .route("/panic", get(panics))
        .route("/large", get(|| async { Bytes::from(vec![b'x'; 64 << 20]) }));
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::builder(router).listen(any_port).admin(any_port).workers(workers(1));
    Service { server: configure(server).start().unwrap(), held }
}

async fn panics() -> &'static str {
    panic!("as the test wants")
}

pub(crate) fn workers(count: usize) -> Workers {
    Workers::Exactly(NonZeroUsize::new(count).unwrap())
}

/// One slot for each worker, and a queue.
pub(crate) fn one_slot(server: Server, length: usize, delay: Duration) -> Server {
    server.slots_per_worker(NonZeroU32::MIN).queue(Queue { length, delay })
}

pub(crate) fn limited(server: Server, change: impl FnOnce(&mut Limits)) -> Server {
    let mut limits = Limits::default();
    change(&mut limits);
    server.limits(limits)
}

impl Service {
    /// A server with routes of its own.
    pub(crate) fn of(server: RunningServer) -> Self {
        Self { server, held: Arc::new(Semaphore::new(0)) }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.server.addresses().listening).unwrap()
    }

    pub(crate) fn admin(&self) -> Client {
        Client::connect(self.server.addresses().admin).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.client().get(path).unwrap()
    }

    /// Sends a request that is held and returns once the server has it: running or waiting.
    pub(crate) fn hold(&self, mut client: Client) -> JoinHandle<Reply> {
        let before = self.server.stats();
        client.send("GET /held HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        self.until(|stats| stats.in_flight + stats.queued > before.in_flight + before.queued);
        thread::spawn(move || client.reply().unwrap())
    }

    pub(crate) fn release(&self, count: usize) {
        self.held.add_permits(count);
    }

    /// Returns once the server's stats are so.
    pub(crate) fn until(&self, wanted: impl Fn(&Stats) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(&self.server.stats()) {
            assert!(Instant::now() < deadline, "it never came to that: {:?}", self.server.stats());
            thread::yield_now();
        }
    }

    /// Stops the server; fails unless every request was answered.
    pub(crate) fn stop(self) {
        self.server.drain();
        assert_eq!(self.server.join().unwrap(), Drained::Completely);
    }
}
