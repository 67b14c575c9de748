//! The server with the sample service: arguments in, one line with the addresses out, drained on SIGTERM.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use headroom_workload::{Args, Drained, RunningServer, Server, sample_service};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr).init();
    let args = Args::parse();
    let service = sample_service(args.cost());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _context = runtime.enter();
    // Before the server starts: a signal that comes early must drain, not kill.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let fixed = args.cost().fixed_answer();
    let builder = Server::builder(service).settings(args.settings());
    let server = fixed.into_iter().fold(builder, Server::fixed).start()?;
    announce(&server).context("failed to write the addresses to stdout")?;
    runtime.block_on(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        server.drain();
        let joined = tokio::task::spawn_blocking(|| server.join());
        tokio::select! {
            drained = joined => match drained?? {
                Drained::Completely => Ok(ExitCode::SUCCESS),
                Drained::Cut { .. } => Ok(ExitCode::FAILURE),
            },
            // A second signal: whoever sends it does not want to wait.
            _ = terminate.recv() => std::process::exit(130),
            _ = interrupt.recv() => std::process::exit(130),
        }
    })
}

/// One line for whoever started the process.
fn announce(server: &RunningServer) -> io::Result<()> {
    let addresses = server.addresses();
    let line = serde_json::json!({
        "listening": addresses.listening,
        "admin": addresses.admin,
        "bootId": server.boot_id(),
    });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
