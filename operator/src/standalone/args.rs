//! `headroom standalone`: its arguments, and the loop around [`Standalone`].

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::signal::unix::{SignalKind, signal};

use super::report::{Format, report};
use super::{Launch, Options, Standalone};
use crate::validate::Service;

/// Runs one service as local processes behind a small front, sized as in a cluster.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The `ScaledService` to run.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Where clients connect.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where `/debug/services`, `/livez` and `/readyz` are.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9100")]
    admin: SocketAddr,
    /// Servers at the beginning; `minReplicas` if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    replicas: Option<u32>,
    /// Writes every decision as one JSON object a line instead of a line for each change.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// How servers are started and stopped.
#[derive(Debug, clap::Args)]
pub struct ServerArgs {
    /// A server counts as starting for so long, as a pod would.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    start_delay: Duration,
    /// A server told to stop may take so long to finish its requests.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    grace: Duration,
    /// The server; `headroom-workload` beside this program if not given.
    #[arg(long, value_name = "PATH", env = "HEADROOM_WORKLOAD")]
    workload: Option<PathBuf>,
    /// Further arguments of the server.
    #[arg(last = true, value_name = "SERVER ARGUMENTS")]
    extra: Vec<OsString>,
}

impl Args {
    /// Runs until interrupted.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let service = Service::from_file(&self.file, None)?;
        let launch = self.server.launch(&service)?;
        let options = Options { launch, listen: self.listen, admin: self.admin, replicas: self.replicas };
        let format = if self.json { Format::Json } else { Format::Changes };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(serve(service, options, format))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn serve(service: Service, options: Options, format: Format) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut standalone = Standalone::start(service, options).await?;
    tracing::info!(address = %standalone.address(), admin = %standalone.admin(), "listening");
    loop {
        tokio::select! {
            () = standalone.due() => {
                let tick = standalone.tick().await;
                report(&mut io::stdout().lock(), format, &tick)?;
            }
            _ = interrupted.recv() => break,
            _ = terminated.recv() => break,
        }
    }
    tracing::info!("stopping: requests in progress are finished first");
    standalone.stop().await;
    Ok(())
}

impl ServerArgs {
    /// Time from the start of a server until it may be ready.
    pub fn start_delay(&self) -> Duration {
        self.start_delay
    }

    /// How the servers of `service` are started.
    pub fn launch(&self, service: &Service) -> anyhow::Result<Launch> {
        let program = match &self.workload {
            Some(path) => path.clone(),
            None => beside_us("headroom-workload")?,
        };
        ensure!(
            program.is_file(),
            "there is no server at {}: build it with `cargo build --release -p headroom-workload`, or say where it \
             is with --workload or HEADROOM_WORKLOAD",
            program.display()
        );
        let mut args = service.server_args.clone();
        args.extend(self.extra.iter().cloned());
        Ok(Launch { program, args, start_delay: self.start_delay, grace: self.grace, log: None })
    }
}

/// The program of this name in the directory of this program.
pub fn beside_us(name: &str) -> anyhow::Result<PathBuf> {
    let us = std::env::current_exe().context("can't find out where this program is")?;
    Ok(us.with_file_name(name))
}

/// A duration as people and Kubernetes write it: `5s`, `1m30s`, `200ms`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write it like 5s, 200ms or 1m30s");
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from(duration).map_err(|_| wrong())?;
    if duration <= Duration::from_secs(24 * 3600) { Ok(duration) } else { Err("at most 24h".to_owned()) }
}
