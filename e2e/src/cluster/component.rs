//! A component of the cluster: a program that runs apart from who started it, and can be ended and started again with
//! the same arguments by anyone who finds its record.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::cgroups::Cgroups;
use super::identity::ProcessIdentity;
use super::interrupt;
use super::place::{Place, make_folder, write};

/// Longer than any component takes to end, even on a busy machine.
const END_PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// How much of a log an error shows, in bytes.
const TAIL: i64 = 3_000;

/// Moves itself into the cluster's cgroup before it becomes the program, so that no child can escape it.
const ENTER_CGROUP: &str = r#"echo $$ >"$0" && exec "$@""#;

/// How a component is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// Its name in the cluster, such as `kubelet-node2`.
    pub name: String,
    /// The network namespace in which it runs; none: the machine's.
    pub network: Option<PathBuf>,
    /// The program and its arguments.
    pub command: Vec<String>,
}

/// A component as its record shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    launch: Launch,
    process: ProcessIdentity,
    log: PathBuf,
    record: PathBuf,
    cgroup: PathBuf,
}

impl Launch {
    /// Starts it and records it.
    pub fn start(self, place: &Place, cgroups: &Cgroups) -> anyhow::Result<Component> {
        let log = place.logs().join(format!("{}.log", self.name));
        let record = record_of(place, &self.name);
        let cgroup = cgroups.components();
        let process = self.spawn(&log, &cgroup)?;
        let component = Component { launch: self, process, log, record, cgroup };
        component.save()?;
        Ok(component)
    }

    fn spawn(&self, log: &Path, cgroup: &Path) -> anyhow::Result<ProcessIdentity> {
        log.parent().map_or(Ok(()), make_folder)?;
        let log =
            File::options().create(true).append(true).open(log).context("can't open a component's log")?;
        // A session of its own: neither Ctrl-C nor the end of the terminal reaches it. Each of these programs becomes
        // the next, so the number stays that of the component.
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", ENTER_CGROUP]).arg(cgroup.join("cgroup.procs"));
        if let Some(network) = &self.network {
            // Not `ip netns exec`: it mounts another /sys, in which a kubelet finds no cgroups.
            command.arg("nsenter").arg(format!("--net={}", network.display())).arg("--");
        }
        command.args(&self.command).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut child = command.spawn().with_context(|| format!("can't start {}", self.name))?;
        let process = ProcessIdentity::of(child.id());
        // Who starts it may live on when it ends, and then has to take note of its end.
        std::thread::spawn(move || child.wait());
        process.with_context(|| format!("{} ended at once", self.name))
    }
}

impl Component {
    /// The recorded component of this name.
    pub fn find(place: &Place, name: &str) -> anyhow::Result<Self> {
        let record = record_of(place, name);
        let text = fs::read(&record).with_context(|| format!("the cluster has no component {name}"))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no record", record.display()))
    }

    /// All recorded components; a record cut short by a crash is left out.
    pub fn all(place: &Place) -> Vec<Self> {
        let files = fs::read_dir(place.file("components")).into_iter().flatten().flatten();
        files.filter_map(|file| serde_json::from_slice(&fs::read(file.path()).ok()?).ok()).collect()
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// Whether it runs, be it paused.
    pub fn is_running(&self) -> bool {
        self.process.is_alive()
    }

    /// Ends it as a crash would (KILL), and waits until it has ended.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::KILL)?;
        if !self.process.wait_end(END_PATIENCE) {
            bail!("{} did not end within {END_PATIENCE:?}", self.name());
        }
        Ok(())
    }

    /// Starts it again with the arguments it had. One that runs is left alone.
    pub fn start(&mut self) -> anyhow::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        self.process = self.launch.spawn(&self.log, &self.cgroup)?;
        self.save()
    }

    /// Stops it where it is (STOP); connections to it stay open and unanswered.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// Lets a paused one go on.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Waits until `ready` says so. An end of the component, an interrupt and the end of patience are errors.
    pub fn wait_until(&self, what: &str, patience: Duration, ready: impl Fn() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !ready() {
            interrupt::check()?;
            if !self.is_running() {
                bail!(
                    "{} ended before {what}; the end of {}:\n{}",
                    self.name(),
                    self.log.display(),
                    self.log_tail()
                );
            }
            if Instant::now() > deadline {
                let log = self.log.display();
                bail!(
                    "{}: waited {patience:?} until {what}; the end of {log}:\n{}",
                    self.name(),
                    self.log_tail()
                );
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let read = || -> std::io::Result<String> {
            let mut file = File::open(&self.log)?;
            let start = i64::try_from(file.metadata()?.len()).unwrap_or(0).saturating_sub(TAIL).max(0);
            file.seek(SeekFrom::Start(start.unsigned_abs()))?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        read().unwrap_or_else(|error| format!("(no log: {error})"))
    }

    fn save(&self) -> anyhow::Result<()> {
        write(&self.record, serde_json::to_vec_pretty(self)?)
    }
}

fn record_of(place: &Place, name: &str) -> PathBuf {
    place.file(format!("components/{name}.json"))
}
