//! The run itself: start the service, play the load, stop everything; then it is judged.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use headroom_core::PodState;
use headroom_load::report::Summary;
use headroom_sim::mmc::Mmc;
use headroom_sim::optimum::needs;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::conclude::{Conclusion, conclude};
use super::play::{Play, Target};
use super::played::{Asked, Played};
use super::recording::Recording;
use super::verdict::Server;
use super::view::{Shown, View};
use crate::standalone::{Launch, Options, Standalone, Tick};
use crate::validate::Service;

/// A trace is scaled down to what so many servers carry.
const MAX_SERVERS: f64 = 10.0;
/// The first servers are as many as the mean of so many seconds needs.
const BEGINNING: usize = 5;
/// How long the first servers may take to be ready, besides their start delay.
const PATIENCE: Duration = Duration::from_secs(30);
/// Exit code of an interrupted run.
const INTERRUPTED: u8 = 130;

/// What to run.
#[derive(Debug)]
pub struct Setup {
    /// The service.
    pub service: Service,
    /// How its servers are started.
    pub launch: Launch,
    /// The load; `None`: the built-in one.
    pub trace: Option<PathBuf>,
    /// How the load is changed.
    pub asked: Asked,
    /// Where the report goes.
    pub out: PathBuf,
    /// Of the send times.
    pub seed: u64,
    /// No live view.
    pub quiet: bool,
    /// The load generator.
    pub generator: PathBuf,
}

/// Runs it all; the exit code says how it went.
pub async fn run(setup: Setup) -> anyhow::Result<ExitCode> {
    let out = &setup.out;
    fs::create_dir_all(out).with_context(|| format!("can't make {}", out.display()))?;
    let server = setup.server()?;
    let played = setup.played(server)?;
    if !played.changed.is_empty() && !setup.quiet {
        writeln!(io::stderr(), "The trace is changed to fit: {}.", played.changed)?;
    }
    forget_last_run(out)?;
    let mut interrupts = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
    let mut standalone = Standalone::start(setup.service.clone(), setup.options(&played, server)?).await?;
    let target = Target {
        program: &setup.generator,
        url: format!("http://{}/", standalone.address()),
        objective: server.objective(),
        seed: setup.seed,
        summary: out.join("load.json"),
    };
    let mut stage = Stage { view: View::new(setup.quiet), shown: Shown::default() };
    let outcome = tokio::select! {
        outcome = stage.perform(&mut standalone, &played, target, server) => Some(outcome),
        () = interrupted(&mut interrupts) => None,
    };
    let ended = standalone.stop().await;
    let Some(outcome) = outcome else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let (mut recording, load) = outcome?;
    recording.note_lives(&ended);
    conclude(&Conclusion { service: setup.service, played, recording, load, server, out: setup.out })
}

/// What an earlier run left would stand beside this one's report, or be taken for it.
fn forget_last_run(out: &Path) -> anyhow::Result<()> {
    for name in ["load.json", "report.html", "report.json"] {
        match fs::remove_file(out.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("can't remove {}", out.join(name).display()));
            }
            _ => {}
        }
    }
    Ok(())
}

impl Setup {
    fn server(&self) -> anyhow::Result<Server> {
        let objective =
            self.service.policy.latency().first().context("the service has no latency objective")?;
        let bound = self.service.bound;
        Ok(Server {
            queue: Mmc { servers: bound.slots, service_seconds: bound.service_seconds },
            quantile: objective.quantile,
            threshold_seconds: objective.threshold.as_secs_f64(),
            start_delay: self.launch.start_delay.as_secs_f64().ceil() as u32,
        })
    }

    fn options(&self, played: &Played, server: Server) -> anyhow::Result<Options> {
        let log = self.out.join("servers.log");
        let file = fs::File::create(&log).with_context(|| format!("can't write {}", log.display()))?;
        Ok(Options {
            launch: Launch { log: Some(Arc::new(file)), ..self.launch.clone() },
            listen: ([127, 0, 0, 1], 0).into(),
            admin: ([127, 0, 0, 1], 0).into(),
            replicas: Some(self.first_replicas(played, server)),
        })
    }

    /// What the load needs when it begins: the service has been running before, for the optimum as for us.
    fn first_replicas(&self, played: &Played, server: Server) -> u32 {
        let policy = &self.service.policy;
        let begin = &played.planned[..played.planned.len().min(BEGINNING)];
        let mean = begin.iter().sum::<f64>() / begin.len().max(1) as f64;
        let needed = needs(&[mean], server.carries(), policy.min_replicas().0)[0];
        needed.min(policy.max_replicas().map_or(u32::MAX, |max| max.0))
    }

    fn played(&self, server: Server) -> anyhow::Result<Played> {
        let max_rate = MAX_SERVERS * server.carries();
        match &self.trace {
            Some(file) => {
                // The built-in load of an earlier run is not what is played.
                let _ = fs::remove_file(self.out.join("load.csv"));
                Played::trace(file, self.asked, max_rate)
            }
            None => Played::built_in(&self.out.join("load.csv"), self.asked, max_rate),
        }
    }
}

async fn interrupted(signals: &mut [Signal; 2]) {
    let [interrupt, terminate] = signals;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// The live part.
struct Stage {
    view: View,
    shown: Shown,
}

impl Stage {
    async fn perform(
        &mut self,
        standalone: &mut Standalone,
        played: &Played,
        target: Target<'_>,
        server: Server,
    ) -> anyhow::Result<(Recording, Summary)> {
        self.shown.length = played.planned.len();
        self.shown.peak = played.planned.iter().copied().fold(0.0, f64::max);
        self.shown.threshold_seconds = server.threshold_seconds;
        self.first_servers(standalone, server).await?;
        let mut play = Play::begin(played, target).await?;
        let mut recording = Recording::begin(standalone.clock().now());
        loop {
            tokio::select! {
                () = standalone.due() => {
                    let tick = standalone.tick().await;
                    recording.note(&tick);
                    self.look(&tick);
                    self.shown.last = recording.changes.last().cloned();
                }
                second = play.next() => match second? {
                    Some(second) => {
                        self.shown.bad += usize::from(second.is_bad());
                        self.shown.second = Some(second.clone());
                        recording.seconds.push(second);
                    }
                    None => break,
                },
            }
            self.view.draw(&self.shown)?;
        }
        Ok((recording, play.finish().await?))
    }

    /// Waits until as many servers are ready as were asked for.
    async fn first_servers(&mut self, standalone: &mut Standalone, server: Server) -> anyhow::Result<()> {
        let patience = PATIENCE + Duration::from_secs(server.start_delay.into());
        let ready = async {
            loop {
                standalone.due().await;
                let tick = standalone.tick().await;
                self.look(&tick);
                self.view.draw(&self.shown)?;
                if self.shown.ready >= tick.observation.replicas.0 as usize {
                    return Ok(());
                }
            }
        };
        let waited: Result<anyhow::Result<()>, _> = tokio::time::timeout(patience, ready).await;
        waited.with_context(|| format!("the servers were not ready within {patience:?}; see servers.log"))?
    }

    fn look(&mut self, tick: &Tick) {
        self.shown.target = tick.decision.as_ref().map_or(tick.observation.replicas, |d| d.target_replicas).0;
        self.shown.ready = tick.observation.pods.iter().filter(|pod| pod.state == PodState::Ready).count();
    }
}
