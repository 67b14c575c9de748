//! The server, the good client beside the attack, and what is measured.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use headroom_workload::stats::Stats;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::report::{Measured, Report};
use crate::authority::{Authority, Validity};
use crate::client::Client;
use crate::process::Process;
use crate::secure::Trust;

/// What the memory of the server may grow by, in KiB.
const MOST_GROWTH: u64 = 64 * 1024;

pub(super) struct Scene {
    process: Process,
    trust: Option<Trust>,
    _folder: tempfile::TempDir,
}

/// What an attacker is given.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    ends: Instant,
}

impl Target {
    /// Whether the attack goes on.
    pub(super) fn goes_on(&self) -> bool {
        Instant::now() < self.ends
    }
}

impl Scene {
    /// The sample service, whose requests cost nothing.
    pub(super) fn plain() -> Self {
        Self::start(&[], |_| None)
    }

    /// The same over TLS.
    pub(super) fn tls() -> Self {
        Self::start(&["--tls-cert", "FOLDER/certificate", "--tls-key", "FOLDER/key"], |folder| {
            let authority = Authority::new();
            let (certificate, key) = authority.issue("localhost", Validity::Now);
            std::fs::write(folder.join("certificate"), certificate).unwrap();
            std::fs::write(folder.join("key"), key).unwrap();
            Some(Trust::new(authority.der()))
        })
    }

    fn start(args: &[&str], prepare: impl FnOnce(&std::path::Path) -> Option<Trust>) -> Self {
        raise_descriptors();
        let folder = tempfile::tempdir().unwrap();
        let trust = prepare(folder.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_headroom-workload"));
        command.args(["--workers", "1", "--cpu", "0s", "--answer-bytes", "10000"]);
        command.args(args.iter().map(|arg| arg.replace("FOLDER", folder.path().to_str().unwrap())));
        Self { process: Process::start(&mut command), trust, _folder: folder }
    }

    /// Attacks the server for as long as attacks last, and fails if that harms the good client or costs too much
    /// memory. Returns what the server has counted.
    pub(super) fn attack(self, attack: impl Fn(&Target) + Sync) -> Stats {
        let report = Report::wanted();
        // Where it is measured, what is compared with is seen for as long that its p99 means something.
        let lasts = if report.is_some() { seconds() / 4 } else { Duration::from_millis(300) };
        let (calm, _) = self.good_client(lasts, || {});
        let before = self.resident();
        let target = Target { address: self.process.listening, ends: Instant::now() + seconds() };
        let (attacked, most) = self.good_client(seconds(), || attack(&target));
        let growth_kib = most.saturating_sub(before);
        let measured = Measured { calm, attacked, growth_kib };
        let (calm, attacked) = (measured.p99_calm(), measured.p99_attacked());
        println!(
            "p99 of the good client: {calm:?}, attacked {attacked:?}; memory {before} KiB, {growth_kib} KiB more"
        );
        if let Some(report) = report {
            report.add(&measured);
        }
        assert!(growth_kib <= MOST_GROWTH, "the server has grown by {growth_kib} KiB");
        let mut admin = Client::connect(self.process.admin).unwrap();
        let stats = serde_json::from_str(&admin.get("/stats").unwrap().body).unwrap();
        self.process.terminate();
        self.process.wait();
        stats
    }

    /// The latencies, in rising order, of a client that uses a connection for ten requests, and the most memory that the server had
    /// meanwhile. Fails if one of its requests does.
    fn good_client(&self, lasts: Duration, meanwhile: impl Fn() + Sync) -> (Vec<Duration>, u64) {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let good = scope.spawn(|| {
                let (mut latencies, mut most) = (Vec::new(), 0);
                while !over.load(Relaxed) {
                    self.visit(&mut latencies);
                    most = most.max(self.resident());
                }
                latencies.sort();
                (latencies, most)
            });
            let begin = Instant::now();
            meanwhile();
            thread::sleep(lasts.saturating_sub(begin.elapsed()));
            over.store(true, Relaxed);
            good.join().unwrap()
        })
    }

    fn visit(&self, latencies: &mut Vec<Duration>) {
        let timed = |get: &mut dyn FnMut() -> u16, latencies: &mut Vec<Duration>| {
            let begin = Instant::now();
            assert_eq!(get(), 200);
            latencies.push(begin.elapsed());
        };
        match &self.trust {
            None => {
                let mut client = Client::connect(self.process.listening).unwrap();
                for _ in 0..10 {
                    timed(&mut || client.get("/").unwrap().status, latencies);
                }
            }
            Some(trust) => {
                let mut client = trust.connect_to(self.process.listening, "localhost").unwrap();
                for _ in 0..10 {
                    timed(&mut || client.get("/").unwrap().status, latencies);
                }
            }
        }
        thread::sleep(Duration::from_millis(5));
    }

    /// Memory of the server in KiB.
    fn resident(&self) -> u64 {
        let file = format!("/proc/{}/status", self.process.id().as_raw_nonzero());
        let status = std::fs::read_to_string(file).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

pub(super) fn seconds() -> Duration {
    let seconds = std::env::var("HEADROOM_ATTACK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

/// Attackers hold many connections.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}
