//! What can be set about a server, with the defaults of an ordinary service.

mod brownout;
mod cpus;
mod health;
mod http1;
mod overload;
mod reads;
mod tls;
mod traces;

pub use brownout::BrownoutSettings;
pub use cpus::{Cpus, Pinning};
pub use health::GrpcHealth;
pub use http1::Http1;
pub use overload::{Admission, ClientKey, ClientLimits, Overload, Wait};
pub use reads::Read;
pub use tls::{ClientAuth, KeyPair, Tls};
pub use traces::Traces;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::admission::Rules;
use crate::clock::Nanos;
use crate::fixed::FixedAnswer;

/// The largest number of workers a server runs.
pub const MAX_WORKERS: usize = 256;

/// Everything that can be set about a server; see [`Server`](crate::Server) for the usual way to set it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where requests are served. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the admin port listens. Port 0 takes a free one.
    pub admin: SocketAddr,
    /// TLS where requests are served. `None`: plain text.
    pub tls: Option<Tls>,
    /// How many workers run at the start.
    pub workers: Workers,
    /// Which CPUs they run on.
    pub cpus: Cpus,
    /// Requests that may run at the same time in one worker. `None`: no limit but what is measured.
    pub slots_per_worker: Option<NonZeroU32>,
    /// The one queue in front of all slots.
    pub queue: Queue,
    /// What happens when more arrives than can be served.
    pub overload: Overload,
    /// Latency objectives, counted as good and late in `/stats`.
    pub objectives: Vec<Objective>,
    /// The revision reported in `/stats` (hash of the pod template without resources).
    pub revision: String,
    /// Who may write to the admin port.
    pub writes: Writes,
    /// What can be read from it without the token that writes need.
    pub open_reads: Vec<Read>,
    /// Where spans of requests are sent, if anywhere.
    pub traces: Option<Traces>,
    /// The time before the server says it is ready and accepts connections.
    pub start_delay: Duration,
    /// How the server stops.
    pub drain: Drain,
    /// Limits on what clients may send and how long they may take.
    pub limits: Limits,
    /// Who reads requests of HTTP/1.
    pub http1: Http1,
    /// Answers that need no handler. They come before the service's own routes.
    pub fixed: Vec<FixedAnswer>,
    /// What the service gives up under load.
    pub brownout: BrownoutSettings,
    /// gRPC's health service.
    pub grpc_health: GrpcHealth,
}

/// A number of workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// As many as the process has CPUs to itself: min(|affinity|, max(1, floor(cgroup quota))).
    Auto,
    /// Exactly so many.
    Exactly(NonZeroUsize),
}

/// Who may write to the admin port. Whatever it is, a peer may fail five times a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writes {
    /// Nobody.
    Off,
    /// Who sends the secret in this file as bearer token. The file is read for each write.
    TokenFile(PathBuf),
    /// One service account of a Kubernetes cluster, with tokens that the cluster has signed for this service.
    ServiceAccount(ServiceAccount),
}

/// What a service-account token must say. It is verified without asking the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The cluster's public keys.
    pub jwks: Jwks,
    /// The cluster, as its tokens name it (`iss`): a URL.
    pub issuer: String,
    /// What tokens must be meant for (`aud`), as `NAMESPACE/SERVICE`: a token for one service opens no other.
    pub audience: String,
    /// Whose tokens they must be (`sub`), as `system:serviceaccount:NAMESPACE:NAME`.
    pub subject: String,
}

/// Where a JWK set (RFC 7517) is, at most 64 KiB and 32 keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jwks {
    /// Here, as JSON.
    Inline(String),
    /// In a file, read for each write: keys can change without a restart.
    File(PathBuf),
}

/// Bounds of the queue for admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Requests that may wait; more are refused.
    pub length: usize,
    /// How long a request may wait. What has waited longer, or is expected to, is refused.
    pub delay: Duration,
}

/// A latency objective: answers within the threshold are good, later ones late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// Its name in `/stats`.
    pub name: String,
    /// Head read to last byte written.
    pub threshold: Duration,
}

/// How a server stops: unready, wait, close idle connections gently while requests finish, end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// From unready to the first connection closed: the time the load balancers need to look away.
    pub wait: Duration,
    /// From there to the end, whatever is still running.
    pub timeout: Duration,
}

/// Limits on what a client may send and how long it may take. Each holds for one connection or request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at the same time; more are answered 503 and closed. At most three quarters of the open files
    /// that the process may have: the server raises the soft limit as far as it can.
    pub connections: usize,
    /// Bytes of a request's head, 8 KiB or more; longer ones are answered 431. At most 100 headers are read.
    pub head_bytes: usize,
    /// Bytes of a request's target; longer ones are answered 414.
    pub uri_bytes: usize,
    /// Bytes of a request's body; longer ones are answered 413.
    pub body_bytes: usize,
    /// From a connection's start until TLS is agreed on.
    pub handshake_timeout: Duration,
    /// From a request's first byte (or the connection's start) to the end of its head.
    pub head_timeout: Duration,
    /// Between two parts of a body that a handler reads; then 408.
    pub body_idle: Duration,
    /// How long a body may be waited for in all, without the time that its bytes earn at `body_rate`; then 408.
    pub body_grace: Duration,
    /// Bytes of a body a second that are fast enough. 0: any rate is.
    pub body_rate: u32,
    /// Between a request's head and its answer; then 504, or 408 if its body has not come as a whole.
    pub request_timeout: Duration,
    /// Without the client reading anything of an answer; then the connection is reset.
    pub write_stall: Duration,
    /// Between two requests.
    pub keep_alive: Duration,
    /// Age from which a connection is closed after its next answer, so that new pods get their share. Each
    /// connection varies it by up to 10 %.
    pub connection_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)),
            tls: None,
            workers: Workers::Auto,
            cpus: Cpus::default(),
            slots_per_worker: None,
            queue: Queue::default(),
            overload: Overload::default(),
            objectives: Vec::new(),
            revision: String::new(),
            writes: Writes::Off,
            open_reads: Vec::new(),
            traces: None,
            start_delay: Duration::ZERO,
            drain: Drain::default(),
            limits: Limits::default(),
            http1: Http1::default(),
            fixed: Vec::new(),
            brownout: BrownoutSettings::default(),
            grpc_health: GrpcHealth::default(),
        }
    }
}

impl Settings {
    /// The threshold of the tightest latency objective.
    pub(crate) fn tightest_objective(&self) -> Option<Nanos> {
        self.objectives.iter().map(|objective| objective.threshold.into()).min()
    }

    /// Whether the number of requests that run at the same time follows what is measured.
    pub(crate) fn has_adaptive_limit(&self) -> bool {
        match self.overload.admission {
            Admission::Auto => self.slots_per_worker.is_none(),
            Admission::Adaptive => true,
            Admission::Fixed | Admission::Off => false,
        }
    }

    /// The bounds of admission.
    pub(crate) fn rules(&self) -> Rules {
        let admission = self.overload.admission;
        Rules {
            slots_per_worker: self.slots_per_worker.filter(|_| admission != Admission::Off).map(Into::into),
            queue_length: self.queue.length,
            delay: self.queue.delay.into(),
            objective: self
                .tightest_objective()
                .filter(|_| admission != Admission::Fixed && self.overload.wait == Wait::Objective),
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self { length: 1024, delay: Duration::from_millis(200) }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { wait: Duration::ZERO, timeout: Duration::from_secs(10) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head_bytes: 32 * 1024,
            uri_bytes: 8 * 1024,
            body_bytes: 1024 * 1024,
            handshake_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(10),
            body_idle: Duration::from_secs(10),
            body_grace: Duration::from_secs(10),
            body_rate: 1024,
            request_timeout: Duration::from_secs(5),
            write_stall: Duration::from_secs(15),
            keep_alive: Duration::from_secs(75),
            connection_age: Duration::from_mins(30),
        }
    }
}

impl Limits {
    /// How often connections are looked at: often enough that the shortest timeout ends at most an eighth late.
    pub(crate) fn sweep_interval(&self) -> Duration {
        let Self { head_timeout, body_idle, body_grace, request_timeout, write_stall, keep_alive, .. } =
            *self;
        let times = [head_timeout, body_idle, body_grace, request_timeout, write_stall];
        let shortest = times.into_iter().fold(keep_alive, Duration::min);
        (shortest / 8).clamp(Duration::from_millis(5), Duration::from_millis(250))
    }
}
