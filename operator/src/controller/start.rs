//! From arguments to a running controller, and its orderly end.

use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::admin::Admin;
use super::args::Args;
use super::client::{Heartbeats, connect};
use super::context::{Context, MOST_SOCKETS};
use super::leader::{Candidate, Leadership, Timing, campaign, resign};
use super::memory::Memories;
use super::port::AdminPort;
use super::report::Report;
use super::report::board::Board;
use super::report::metrics::Metrics;
use super::report::tell::Teller;
use super::run::{self, Signs};
use super::target::Scales;
use super::watch::Cluster;
use super::workload::Defaults;
use super::workload::issuer::{self, Issuer};
use super::workload::token::{Account, Tokens};
use crate::clock::Clock;
use crate::observe::Fetcher;

/// Where the servers of bundled workloads have their admin port.
const ADMIN_PORT: NonZero<u16> = NonZero::new(9090).unwrap();
/// One does the work; with two, a long list does not hold up the lease.
const THREADS: usize = 2;

/// A controller whose parts go on by themselves.
pub struct Running {
    /// What every pass uses.
    pub cx: Arc<Context>,
    /// What its admin port shows.
    pub admin: Admin,
    candidate: Candidate,
    lease_client: Client,
    stop: watch::Sender<bool>,
    looking: JoinHandle<()>,
    campaigning: JoinHandle<()>,
}

impl Args {
    /// Runs until SIGTERM or SIGINT.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
        runtime.block_on(self.serve())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let config = Config::infer().await.context("no cluster: neither in one, nor named by KUBECONFIG")?;
        let heartbeats = Heartbeats::default();
        let metrics = Arc::<Metrics>::default();
        let client = connect(config.clone(), &heartbeats, &metrics)?;
        // A connection of its own: whatever else we do must not delay the lease.
        let lease_client = connect(config, &Heartbeats::default(), &metrics)?;
        let port = Arc::new(Fetcher::default());
        let mut running = self.start(client, lease_client, heartbeats, port, metrics);
        let listening = running.admin.clone().serve(self.admin_listen).await;
        let listening = listening.with_context(|| {
            format!("can't listen on {}: choose another --admin-listen", self.admin_listen)
        })?;
        tracing::info!(admin = %listening, identity = running.candidate.identity, "the controller starts");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            ended = &mut running.looking => ended.context("the loop ended")?,
            ended = &mut running.campaigning => ended.context("the campaign ended")?,
        }
        running.stop().await;
        Ok(())
    }

    /// Starts everything that goes on by itself. The clients count what fails in `metrics`.
    pub fn start(
        &self,
        client: Client,
        lease_client: Client,
        heartbeats: Heartbeats,
        port: Arc<dyn AdminPort>,
        metrics: Arc<Metrics>,
    ) -> Running {
        let candidate = self.candidate();
        let board = Arc::<Board>::default();
        let cx = self.context(client, heartbeats, port, Arc::clone(&metrics));
        let identity = candidate.identity.clone();
        let teller = Teller::new(cx.client.clone(), identity, Arc::clone(&metrics), cx.leadership.clone());
        let report =
            Report::new(teller, Arc::clone(&metrics), Arc::clone(&board), self.status_writes_per_second);
        let signs = Signs { turned: watch::Sender::new(None), synced: watch::Sender::new(false) };
        let (turned, synced) = (signs.turned.subscribe(), signs.synced.subscribe());
        let admin = Admin { turned, synced, metrics, board, turn: Arc::new(Semaphore::new(1)) };
        let (stop, stopped) = watch::channel(false);
        Running {
            campaigning: tokio::spawn(campaign_when_listed(
                signs.synced.subscribe(),
                campaign(lease_client.clone(), candidate.clone(), cx.leadership.clone()),
            )),
            looking: tokio::spawn(run::run(Arc::clone(&cx), report, signs, stopped)),
            cx,
            admin,
            candidate,
            lease_client,
            stop,
        }
    }

    /// Who we are among the replicas.
    fn candidate(&self) -> Candidate {
        let random = || format!("headroom-{}-{}", std::process::id(), Clock::set().now().as_microsecond());
        Candidate {
            namespace: self.namespace.clone(),
            lease: self.lease_name.clone(),
            identity: self.identity.clone().unwrap_or_else(random),
            timing: Timing::default(),
        }
    }

    fn account(&self) -> Option<Account> {
        let name = self.service_account.clone();
        (!name.is_empty()).then(|| Account { namespace: self.namespace.clone(), name })
    }

    fn context(
        &self,
        client: Client,
        heartbeats: Heartbeats,
        port: Arc<dyn AdminPort>,
        metrics: Arc<Metrics>,
    ) -> Arc<Context> {
        let namespaces: Vec<_> =
            self.watch_namespaces.iter().filter(|name| !name.is_empty()).cloned().collect();
        let (known, issuer) = watch::channel(Issuer::default());
        let account = self.account();
        if let Some(account) = &account {
            tokio::spawn(issuer::follow(client.clone(), account.subject(), known));
        }
        Arc::new(Context {
            scales: Scales::new(client.clone()),
            cluster: Cluster::watch(&client, &namespaces, heartbeats),
            leadership: Leadership::default(),
            port,
            sockets: Semaphore::new(MOST_SOCKETS),
            tokens: account.map(|account| Tokens::new(client.clone(), &account)),
            issuer,
            clock: Clock::set(),
            memories: Memories::default(),
            fleet: std::sync::Mutex::default(),
            defaults: Defaults {
                image: self.workload_image.clone(),
                pull: self.workload_image_pull_policy,
                admin_port: ADMIN_PORT,
                verifier: None,
            },
            metrics,
            client,
        })
    }
}

/// Stands for election once the cluster has been listed. A replica that sees nothing yet writes nothing: with the lease,
/// which after a restart may still carry its name, it would only keep a warm standby from leading.
async fn campaign_when_listed(mut synced: watch::Receiver<bool>, campaign: impl Future<Output = ()>) {
    if synced.wait_for(|synced| *synced).await.is_ok() {
        campaign.await;
    }
}

impl Running {
    /// Ends the loop, and gives the lease to whoever wants it.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.campaigning.abort();
        let _ = self.looking.await;
        if let Err(error) = resign(self.lease_client, &self.candidate, &self.cx.leadership).await {
            tracing::warn!(%error, "the lease was not given back; it ends by itself");
        }
    }

    /// Ends at once, as if killed: nothing is finished and nothing given back.
    pub fn kill(self) {
        self.campaigning.abort();
        self.looking.abort();
    }
}
