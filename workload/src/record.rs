//! What one worker has seen of its answers. Written by that worker without locks or allocation, read by anyone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::Release};

use http::StatusCode;

use crate::clock::Nanos;
use crate::connection::Cut;
use crate::settings::Objective;
use crate::stats::{ConnectionsClosed, Histogram, ObjectiveCount, Responses, Stats, StreamsClosed};

/// Counts and histograms of one worker number, over all threads that have had it.
#[derive(Debug)]
pub(crate) struct Record {
    /// By the first digit of the status: 2xx, 3xx, 4xx, 5xx.
    responses: [AtomicU64; 4],
    /// Of the admitted requests, those that failed because of an open breaker.
    failed_by_breaker: AtomicU64,
    /// By [`Cut`].
    connections_closed: [AtomicU64; Cut::COUNT],
    streams_closed: [AtomicU64; Cut::COUNT],
    objectives: Vec<Measured>,
    latency: Dense,
    service: Dense,
    queue_wait: Dense,
}

#[derive(Debug)]
struct Measured {
    name: String,
    threshold: Nanos,
    good: AtomicU64,
    late: AtomicU64,
}

#[derive(Debug)]
struct Dense(Vec<AtomicU64>);

/// Only one thread at a time has a worker's number and writes its record: no other can come between load and store.
fn increment(count: &AtomicU64) {
    count.store(count.load(Relaxed) + 1, Relaxed);
}

impl Record {
    pub(crate) fn new(objectives: &[Objective]) -> Self {
        let measured = objectives.iter().map(|objective| Measured {
            name: objective.name.clone(),
            threshold: objective.threshold.into(),
            good: AtomicU64::default(),
            late: AtomicU64::default(),
        });
        Self {
            responses: Default::default(),
            failed_by_breaker: AtomicU64::default(),
            connections_closed: Default::default(),
            streams_closed: Default::default(),
            objectives: measured.collect(),
            latency: Dense::new(),
            service: Dense::new(),
            queue_wait: Dense::new(),
        }
    }

    /// An admitted request was run.
    pub(crate) fn ran(&self, waited: Nanos, service: Nanos) {
        self.queue_wait.add(waited);
        self.service.add(service);
    }

    /// An admitted request failed because of an open breaker: it counts as rejected, and so not as answered.
    pub(crate) fn failed_by_breaker(&self) {
        self.failed_by_breaker.fetch_add(1, Relaxed);
    }

    /// An admitted request got an answer with this status.
    pub(crate) fn responded(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5);
        // Whoever sees it sees too that the slot was left.
        let count = &self.responses[class - 2];
        count.store(count.load(Relaxed) + 1, Release);
    }

    /// The last byte of a successful answer was written, so long after its request's head was read.
    pub(crate) fn succeeded(&self, latency: Nanos) {
        self.latency.add(latency);
        for objective in &self.objectives {
            let count = if latency <= objective.threshold { &objective.good } else { &objective.late };
            increment(count);
        }
    }

    /// A connection was closed though its client had not ended it.
    pub(crate) fn closed_connection(&self, why: Cut) {
        increment(&self.connections_closed[why as usize]);
    }

    /// A stream was ended before its time.
    pub(crate) fn closed_stream(&self, why: Cut) {
        increment(&self.streams_closed[why as usize]);
    }

    /// Adds what was recorded to `stats`.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let [success, redirection, client_error, server_error] =
            [0, 1, 2, 3].map(|class| self.responses[class].load(Relaxed));
        stats.responses = Responses {
            success: stats.responses.success + success,
            redirection: stats.responses.redirection + redirection,
            client_error: stats.responses.client_error + client_error,
            server_error: stats.responses.server_error + server_error,
        };
        stats.rejected.breaker += self.failed_by_breaker.load(Relaxed);
        self.add_closed_to(&mut stats.connections_closed, &mut stats.streams_closed);
        stats.objectives.resize_with(self.objectives.len(), ObjectiveCount::default);
        for (sum, measured) in stats.objectives.iter_mut().zip(&self.objectives) {
            sum.name.clone_from(&measured.name);
            sum.good += measured.good.load(Relaxed);
            sum.late += measured.late.load(Relaxed);
        }
        stats.latency.merge(&self.latency.sparse());
        stats.service.merge(&self.service.sparse());
        stats.queue_wait.merge(&self.queue_wait.sparse());
    }

    fn add_closed_to(&self, connections: &mut ConnectionsClosed, streams: &mut StreamsClosed) {
        let of = |why: Cut| self.connections_closed[why as usize].load(Relaxed);
        connections.slow_handshake += of(Cut::SlowHandshake);
        connections.slow_head += of(Cut::SlowHead);
        connections.slow_body += of(Cut::SlowBody);
        connections.slow_frame += of(Cut::SlowFrame);
        connections.slow_reader += of(Cut::SlowReader);
        connections.idle += of(Cut::Idle);
        connections.age += of(Cut::Age);
        connections.order += of(Cut::Order);
        connections.requests += of(Cut::Requests);
        connections.worker += of(Cut::Worker);
        connections.flood += of(Cut::Flood);
        connections.malformed += of(Cut::Malformed);
        // A stream ends for nothing else: what is malformed is answered, and counted as rejected.
        let of = |why: Cut| self.streams_closed[why as usize].load(Relaxed);
        streams.slow_body += of(Cut::SlowBody);
        streams.slow_reader += of(Cut::SlowReader);
    }
}

impl Dense {
    fn new() -> Self {
        Self((0..Histogram::BUCKETS).map(|_| AtomicU64::default()).collect())
    }

    fn add(&self, duration: Nanos) {
        increment(&self.0[Histogram::index(duration.micros())]);
    }

    fn sparse(&self) -> Histogram {
        Histogram::from_dense(self.0.iter().map(|count| count.load(Relaxed)))
    }
}
