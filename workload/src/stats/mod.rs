//! `GET /stats` of the admin port, version 1: what one server process has seen since it started.
//!
//! Everything is cumulative and nothing is reset by reading, so any number of readers may take differences. A reader
//! recognises a restart by [`Stats::boot_id`]. This module depends on `serde` alone: it is what the server and its
//! readers share.

mod brownout;
mod closed;
mod counters;
mod histogram;
mod tls;

pub use brownout::BrownoutStats;
pub use closed::{ConnectionsClosed, StreamsClosed};
pub use counters::{ObjectiveCount, Rejected, Responses};
pub use histogram::{Histogram, Moments};
pub use tls::TlsStats;

use serde::{Deserialize, Serialize};

/// The version of the format written by this crate.
pub const STATS_VERSION: u32 = 1;

/// One answer of `GET /stats`.
///
/// In every snapshot `arrivals == admitted + rejected.total() + queued` holds. Readers ignore fields they don't know;
/// what is not essential may be absent and then counts as zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Version of this format: [`STATS_VERSION`].
    pub stats_version: u32,
    /// Chosen at random when the process starts: another value means that all counters began again at zero.
    pub boot_id: String,
    /// The process's monotonic clock when the snapshot was taken, in nanoseconds since it started.
    pub at_nanos: u64,
    /// The revision of the service the process belongs to (hash of the pod template without resources).
    #[serde(default)]
    pub revision: String,
    /// Workers running now.
    #[serde(default)]
    pub workers: u32,
    /// Whether each worker is pinned to a CPU.
    #[serde(default)]
    pub pinned: bool,
    /// Requests that may run at the same time over all workers, if that is limited.
    #[serde(default)]
    pub concurrency_limit: Option<u32>,
    /// Requests that may run at the same time over all workers, as far as what was measured limits them.
    #[serde(default)]
    pub adaptive_limit: Option<u32>,
    /// The longest that a request may wait for admission now, in seconds.
    #[serde(default, deserialize_with = "counters::integral")]
    pub delay_bound_seconds: f64,
    /// Whether the queue has been too long for so long that the newest requests are served first.
    #[serde(default)]
    pub overloaded: bool,
    /// Clients with a limit of their own that have used some of it just now.
    #[serde(default)]
    pub limited_clients: Option<u64>,
    /// Client connections open now; absent in the answers of servers that do not count them.
    #[serde(default)]
    pub connections: Option<u32>,
    /// Client connections that the server has closed, by reason.
    #[serde(default)]
    pub connections_closed: ConnectionsClosed,
    /// Streams of HTTP/2 that the server has ended before their time, by reason.
    #[serde(default)]
    pub streams_closed: StreamsClosed,
    /// Requests waiting for admission now.
    #[serde(default, deserialize_with = "counters::count")]
    pub queued: u64,
    /// Requests admitted and not yet answered now.
    #[serde(default, deserialize_with = "counters::count")]
    pub in_flight: u64,

    /// Requests whose head has been read, each counted once.
    #[serde(deserialize_with = "counters::count")]
    pub arrivals: u64,
    /// Of the arrivals, those marked as retries by the client.
    #[serde(default, deserialize_with = "counters::count")]
    pub retries: u64,
    /// Arrivals handed to the service.
    #[serde(deserialize_with = "counters::count")]
    pub admitted: u64,
    /// Arrivals turned away, by reason.
    #[serde(default)]
    pub rejected: Rejected,
    /// Answers to admitted requests, by status class. Rejections are in [`Stats::rejected`] only.
    #[serde(default)]
    pub responses: Responses,
    /// Successful answers within and beyond each latency objective.
    #[serde(default)]
    pub objectives: Vec<ObjectiveCount>,

    /// Integral of [`Stats::in_flight`] over time, in seconds.
    #[serde(default, deserialize_with = "counters::integral")]
    pub in_flight_seconds: f64,
    /// Integral of [`Stats::queued`] over time, in seconds.
    #[serde(default, deserialize_with = "counters::integral")]
    pub queued_seconds: f64,
    /// Time the workers were occupied, summed over workers, in worker-seconds: share of occupied slots where the
    /// concurrency is limited, CPU time of the workers otherwise. Divided by time and workers it is the utilisation.
    #[serde(default, deserialize_with = "counters::integral")]
    pub busy_seconds: f64,
    /// The same for each worker, ever started, in order of their numbers.
    #[serde(default)]
    pub busy_seconds_per_worker: Vec<f64>,
    /// CPU time of the whole process, in seconds.
    #[serde(default, deserialize_with = "counters::integral")]
    pub cpu_seconds: f64,
    /// Time for which the cgroup held the process back, in seconds.
    #[serde(default, deserialize_with = "counters::integral")]
    pub throttled_seconds: f64,

    /// TLS where requests are served, if it is spoken there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsStats>,
    /// What the service gives up under load, if there are rules for it.
    #[serde(default)]
    pub brownout: Option<BrownoutStats>,

    /// Head read to last byte written, successful requests.
    #[serde(default)]
    pub latency: Histogram,
    /// Time in the handler, without waiting for admission.
    #[serde(default)]
    pub service: Histogram,
    /// Time waiting for admission.
    #[serde(default)]
    pub queue_wait: Histogram,
}
