//! One server process from its start to its end, told as events.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::front::{Backend, Backends};
use super::leash;
use crate::observe::Fetcher;

/// How long a process may take to say where it listens.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest line it may say so with.
const MAX_HELLO_BYTES: u64 = 4096;
/// How often a process is asked whether it is ready: until it first is, and afterwards.
const FIRST_PROBE: Duration = Duration::from_millis(100);
const PROBE: Duration = Duration::from_secs(1);
/// So many times in a row it must not be ready to be taken out of the front; Kubernetes' default.
const MISSES_TO_UNREADY: u32 = 3;

/// How server processes are started and stopped.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The server.
    pub program: PathBuf,
    /// Its arguments, besides the addresses to listen on.
    pub args: Vec<OsString>,
    /// A process counts as starting for so long at least, as a pod would while its image is pulled.
    pub start_delay: Duration,
    /// A process told to stop may take so long; then it is killed.
    pub grace: Duration,
    /// Where its log goes; `None`: to ours.
    pub log: Option<Arc<File>>,
}

/// What happened to a process.
#[derive(Debug)]
pub(super) enum Event {
    /// It runs, and its admin port is known.
    Listening(SocketAddr),
    /// It serves.
    Ready,
    /// It served and doesn't want requests now.
    NotReady,
    /// It has ended; in words, how.
    Ended(String),
}

/// What the surroundings of a process are.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// How it is started.
    pub launch: Arc<Launch>,
    /// Where it is listed while it is ready.
    pub backends: Backends,
    /// How it is asked whether it is ready.
    pub fetcher: Fetcher,
}

/// The line a server says when it listens.
#[derive(Debug, Deserialize)]
struct Hello {
    listening: SocketAddr,
    admin: SocketAddr,
}

/// Whom a process tells what happens to it.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    /// Name of the pod.
    pub name: String,
    /// Where it is heard.
    pub events: mpsc::Sender<(String, Event)>,
}

impl Teller {
    async fn tell(&self, event: Event) {
        // Nobody listens any more when everything is being torn down.
        let _ = self.events.send((self.name.clone(), event)).await;
    }
}

/// Runs one process until it ends by itself, or is told to by `stop` (sent or dropped).
///
/// Told to stop, it is first taken out of the front, then its requests finish, and only then it gets SIGTERM: so no
/// request can be lost to a connection that a stopping server closes.
pub(super) async fn live(around: Surroundings, teller: Teller, stop: oneshot::Receiver<()>) {
    let how = match start(&around.launch) {
        Err(error) => format!("failed to start: {error}"),
        Ok((child, stdout)) => {
            let process = Process { around, child, backend: None };
            process.run(&teller, stdout, stop).await
        }
    };
    teller.tell(Event::Ended(how)).await;
}

fn start(launch: &Launch) -> std::io::Result<(Child, ChildStdout)> {
    let mut command = leash::command(&launch.program);
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).args(&launch.args);
    if let Some(log) = &launch.log {
        command.stderr(Stdio::from(log.try_clone()?));
    }
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().ok_or_else(|| std::io::Error::other("no pipe to its output"))?;
    Ok((child, stdout))
}

struct Process {
    around: Surroundings,
    child: Child,
    /// Known once it has said where it listens.
    backend: Option<Arc<Backend>>,
}

enum End {
    Exit(std::io::Result<ExitStatus>),
    Useless(String),
    Told,
}

impl Process {
    /// Returns how it ended, in words.
    async fn run(mut self, teller: &Teller, stdout: ChildStdout, mut stop: oneshot::Receiver<()>) -> String {
        // The child is borrowed apart from the rest, so that both can be waited for.
        let Self { around, child, backend } = &mut self;
        let end = tokio::select! {
            status = child.wait() => End::Exit(status),
            why = serve(around, teller, backend, stdout) => End::Useless(why),
            _ = &mut stop => End::Told,
        };
        if let Some(backend) = &self.backend {
            self.around.backends.remove(backend);
        }
        match end {
            End::Exit(status) => ending(status),
            End::Useless(why) => {
                let _ = self.child.kill().await;
                why
            }
            End::Told => self.drain().await,
        }
    }

    async fn drain(mut self) -> String {
        let deadline = Instant::now() + self.around.launch.grace;
        if let Some(backend) = &self.backend {
            while backend.in_flight() > 0 && Instant::now() < deadline {
                sleep(Duration::from_millis(10)).await;
            }
        }
        self.terminate();
        tokio::select! {
            status = self.child.wait() => return ending(status),
            () = sleep_until(deadline) => {}
        }
        let _ = self.child.kill().await;
        format!("killed: it had not ended {:?} after it was told to stop", self.around.launch.grace)
    }

    fn terminate(&self) {
        // `id()` is `None` once the child has been waited for, so this never hits somebody else.
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// From the first line to serving. Returns only when the process is of no use, with the reason.
async fn serve(
    around: &Surroundings,
    teller: &Teller,
    backend: &mut Option<Arc<Backend>>,
    stdout: ChildStdout,
) -> String {
    let not_before = Instant::now() + around.launch.start_delay;
    let mut stdout = BufReader::new(stdout);
    let hello = match hello(&mut stdout).await {
        Ok(hello) => hello,
        Err(why) => return why,
    };
    let Ok(authority) = hello.listening.to_string().parse() else {
        return format!("{} is no address", hello.listening);
    };
    let backend = backend.insert(Arc::new(Backend::new(authority)));
    teller.tell(Event::Listening(hello.admin)).await;
    sleep_until(not_before).await;
    while !around.fetcher.is_ready(hello.admin).await {
        sleep(FIRST_PROBE).await;
    }
    // Keeping `stdout` open until here and beyond lets the server write to it.
    loop {
        around.backends.add(backend);
        teller.tell(Event::Ready).await;
        misses(around, hello.admin, MISSES_TO_UNREADY).await;
        around.backends.remove(backend);
        teller.tell(Event::NotReady).await;
        while !around.fetcher.is_ready(hello.admin).await {
            sleep(PROBE).await;
        }
    }
}

/// Waits until the process was not ready so many times in a row.
async fn misses(around: &Surroundings, admin: SocketAddr, enough: u32) {
    let mut misses = 0;
    while misses < enough {
        sleep(PROBE).await;
        misses = if around.fetcher.is_ready(admin).await { 0 } else { misses + 1 };
    }
}

async fn hello(stdout: &mut BufReader<ChildStdout>) -> Result<Hello, String> {
    let mut line = String::new();
    let mut bounded = stdout.take(MAX_HELLO_BYTES);
    match timeout(HELLO_TIMEOUT, bounded.read_line(&mut line)).await {
        Ok(Ok(0)) => std::future::pending().await, // It has ended, which is noticed elsewhere, with its status.
        Ok(Ok(_)) => serde_json::from_str(&line)
            .map_err(|error| format!("its first line does not say where it listens: {error}")),
        Ok(Err(error)) => Err(format!("its output can't be read: {error}")),
        Err(_) => Err(format!("it did not say where it listens within {HELLO_TIMEOUT:?}")),
    }
}

fn ending(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("lost sight of it: {error}"),
    }
}
