//! Building, starting and stopping a server.

use std::fmt::{self, Formatter};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{Builder, LocalOptions};

use crate::admin::{self, Writers, WritersError};
use crate::brownout;
use crate::control::{self, Drained};
use crate::core::{Core, Stage};
use crate::door::Door;
use crate::fixed::FixedAnswer;
use crate::host::{Host, connections_within};
use crate::settings::{
    Cpus, Drain, GrpcHealth, Http1, Limits, Objective, Overload, Queue, Read, Settings, Tls, Traces, Workers,
    Writes,
};
use crate::stats::Stats;
use crate::tls::{self, TlsError};
use crate::trace;
use crate::worker::{Change, Crew, WorkersError};

/// A server that is not started yet.
#[derive(Debug)]
pub struct Server {
    router: Router,
    settings: Settings,
}

/// A server that runs. Dropping it does not stop it.
#[derive(Debug)]
pub struct RunningServer {
    addresses: Addresses,
    core: Arc<Core>,
    crew: Arc<Crew>,
    control: JoinHandle<io::Result<Drained>>,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Requests.
    pub listening: SocketAddr,
    /// The admin port.
    pub admin: SocketAddr,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened on.
    #[error("failed to listen on {address}: {source}; choose another address, or port 0 for any free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// What writes are to be checked with is of no use.
    #[error(transparent)]
    Writers(#[from] WritersError),
    /// The certificates are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The workers did not start.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// A thread for control or the admin port did not start.
    #[error("failed to start a thread: {0}; check the limits on threads and open files of the process")]
    Thread(io::Error),
    /// A limit is below what the server can work with.
    #[error("the limit on a request's head must be 8192 bytes or more, not {0}")]
    HeadBytes(usize),
}

impl Server {
    /// A server for the service `router`, with the defaults of [`Settings`].
    pub fn builder(router: Router) -> Self {
        Self { router, settings: Settings::default() }
    }

    /// Sets everything at once.
    #[must_use]
    pub fn settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Where requests are served. Port 0 takes a free one. Default: 127.0.0.1:8080.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        self.with(|settings| settings.listen = address)
    }

    /// Where the admin port listens. Port 0 takes a free one. Default: 127.0.0.1:9090.
    #[must_use]
    pub fn admin(self, address: SocketAddr) -> Self {
        self.with(|settings| settings.admin = address)
    }

    /// Speaks TLS where requests are served. Default: plain text.
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        self.with(|settings| settings.tls = Some(tls))
    }

    /// Answers gRPC's question for the server's health where requests are served. Default: off.
    #[must_use]
    pub fn grpc_health(self, health: GrpcHealth) -> Self {
        self.with(|settings| settings.grpc_health = health)
    }

    /// How many workers run at the start, 1 to 256. Default: [`Workers::Auto`].
    #[must_use]
    pub fn workers(self, workers: Workers) -> Self {
        self.with(|settings| settings.workers = workers)
    }

    /// Which CPUs the workers run on. Default: pinned if the CPUs are shown to be the process's own.
    #[must_use]
    pub fn cpus(self, cpus: Cpus) -> Self {
        self.with(|settings| settings.cpus = cpus)
    }

    /// Requests that may run at the same time in one worker. Default: no limit.
    #[must_use]
    pub fn slots_per_worker(self, slots: NonZeroU32) -> Self {
        self.with(|settings| settings.slots_per_worker = Some(slots))
    }

    /// The bounds of the queue. Default: 1024 requests, 200 ms.
    #[must_use]
    pub fn queue(self, queue: Queue) -> Self {
        self.with(|settings| settings.queue = queue)
    }

    /// What happens when more arrives than can be served. Default: what runs at the same time follows what is measured.
    #[must_use]
    pub fn overload(self, overload: Overload) -> Self {
        self.with(|settings| settings.overload = overload)
    }

    /// Latency objectives, counted in `/stats`. Default: none.
    #[must_use]
    pub fn objectives(self, objectives: Vec<Objective>) -> Self {
        self.with(|settings| settings.objectives = objectives)
    }

    /// The revision reported in `/stats`. Default: empty.
    #[must_use]
    pub fn revision(self, revision: impl Into<String>) -> Self {
        self.with(|settings| settings.revision = revision.into())
    }

    /// Who may write to the admin port. Default: nobody.
    #[must_use]
    pub fn writes(self, writes: Writes) -> Self {
        self.with(|settings| settings.writes = writes)
    }

    /// What can be read from the admin port without the token that writes need. Default: nothing but the probes.
    #[must_use]
    pub fn open_reads(self, open: Vec<Read>) -> Self {
        self.with(|settings| settings.open_reads = open)
    }

    /// Where spans of requests are sent. Default: nowhere.
    #[must_use]
    pub fn traces(self, traces: Traces) -> Self {
        self.with(|settings| settings.traces = Some(traces))
    }

    /// The time before the server is ready. Default: 0.
    #[must_use]
    pub fn start_delay(self, delay: Duration) -> Self {
        self.with(|settings| settings.start_delay = delay)
    }

    /// How the server stops. Default: no wait, 10 s to finish.
    #[must_use]
    pub fn drain(self, drain: Drain) -> Self {
        self.with(|settings| settings.drain = drain)
    }

    /// What is given up under load: a file with rules, looked at each second. Default: nothing is.
    #[must_use]
    pub fn brownout_rules(self, file: impl Into<PathBuf>) -> Self {
        self.with(|settings| settings.brownout.rules = Some(file.into()))
    }

    /// Limits on what clients send and how long they take.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.with(|settings| settings.limits = limits)
    }

    /// Who reads requests of HTTP/1. Default: the server's own parser the plain ones, hyper all others.
    #[must_use]
    pub fn http1(self, http1: Http1) -> Self {
        self.with(|settings| settings.http1 = http1)
    }

    /// Adds an answer that needs no handler. It comes before the router's own routes.
    #[must_use]
    pub fn fixed(self, answer: FixedAnswer) -> Self {
        self.with(|settings| settings.fixed.push(answer))
    }

    /// Starts all threads; both ports listen when it returns.
    pub fn start(self) -> Result<RunningServer, StartError> {
        let Self { router, mut settings } = self;
        if settings.limits.head_bytes < 8192 {
            return Err(StartError::HeadBytes(settings.limits.head_bytes));
        }
        let writers = Writers::new(&settings.writes)?;
        let (listener, listening) = listen(settings.listen)?;
        let (admin_listener, admin_address) = listen(settings.admin)?;
        bound_connections(&mut settings.limits);
        let host = Host::new(settings.cpus.limit);
        let tls = settings.tls.as_ref().map(tls::Port::open).transpose()?.map(Arc::new);
        let router = with_body_limit(router, settings.limits.body_bytes);
        let router = traced(router, settings.traces.as_ref())?;
        let core = Core::new(router, settings, host, Door::new(listener), tls);
        if let Some(port) = &core.tls {
            tls::watch(port).map_err(StartError::Thread)?;
        }
        let crew = Arc::new(Crew::new(Arc::clone(&core)));
        let runtime = crew.change(Change::default())?;
        tracing::info!(workers = runtime.workers, reason = runtime.reason, "workers started");
        if let Some(rules) = core.settings.brownout.rules.clone() {
            let shared = Arc::clone(&core);
            spawn("brownout", move || brownout::watch(shared, rules))?;
        }
        let admin = admin::Admin::new(Arc::clone(&core), Arc::clone(&crew), writers);
        spawn("admin", move || admin::run(admin, admin_listener))?;
        let (shared, followed) = (Arc::clone(&core), Arc::clone(&crew));
        let control = spawn("control", move || control::run(shared, followed))?;
        let addresses = Addresses { listening, admin: admin_address };
        Ok(RunningServer { addresses, core, crew, control })
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }
}

impl RunningServer {
    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Names this start of the process in `/stats`.
    pub fn boot_id(&self) -> &str {
        &self.core.boot_id
    }

    /// Everything seen so far.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    /// Changes the number of workers, 1 to 256; no request fails for it. Workers that are too many finish what they
    /// have and end by themselves.
    pub fn set_workers(&self, workers: NonZeroUsize) -> Result<usize, WorkersError> {
        let change = Change { workers: Some(Workers::Exactly(workers)), pinning: None };
        Ok(self.crew.change(change)?.workers)
    }

    /// Begins to stop: unready, wait, close idle connections, finish requests. Returns at once; see
    /// [`join`](Self::join).
    pub fn drain(&self) {
        self.core.advance(Stage::Unready);
    }

    /// Waits until the server has stopped, which it does only when told to [`drain`](Self::drain).
    pub fn join(self) -> io::Result<Drained> {
        self.control.join().unwrap_or_else(|_| Err(io::Error::other("the control thread panicked")))
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} (admin {})", self.listening, self.admin)
    }
}

/// The service within a layer that samples requests, if their spans go anywhere.
fn traced(router: Router, traces: Option<&Traces>) -> Result<Router, StartError> {
    let Some(traces) = traces.cloned() else { return Ok(router) };
    let (tracer, spans) = trace::channel(traces.share);
    spawn("traces", move || trace::export(traces, spans))?;
    Ok(router.layer(tracer))
}

/// The server has its own limit on bodies; axum's is lifted where it is lower. Not always, as a layer costs every
/// request an allocation.
fn with_body_limit(router: Router, bytes: usize) -> Router {
    const LIMIT_OF_AXUM: usize = 2 * 1024 * 1024;
    if bytes > LIMIT_OF_AXUM { router.layer(DefaultBodyLimit::disable()) } else { router }
}

/// Connections that take every descriptor would leave none to the admin port, and a full server looked dead.
fn bound_connections(limits: &mut Limits) {
    let possible = connections_within(limits.connections);
    if possible < limits.connections {
        tracing::warn!(wanted = limits.connections, possible, "connections limited by the open files limit");
        limits.connections = possible;
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        // Accepted sockets inherit it.
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(4096)?;
        let listener = TcpListener::from(socket);
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    open().map_err(|source| StartError::Listen { address, source })
}

/// A thread with its own runtime for one future.
fn spawn<F, T>(
    name: &str,
    make: impl FnOnce() -> F + Send + 'static,
) -> Result<JoinHandle<io::Result<T>>, StartError>
where
    F: Future<Output = io::Result<T>> + 'static,
    T: Send + 'static,
{
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
        runtime.block_on(make())
    });
    thread.map_err(StartError::Thread)
}
