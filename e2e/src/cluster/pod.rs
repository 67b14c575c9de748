//! A running pod that a test breaks from outside: its image need not hold a shell.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;

use super::cgroups::Cgroups;
use super::command::output;
use super::fault::docker_exec;
use super::identity::ProcessIdentity;

/// Holds the rules in the pod's own network.
const TABLE: &str = "headroom_e2e";

/// A pod, by its identifier. It is looked at anew with each call: containers may have been started again.
#[derive(Debug, Clone)]
pub struct RunningPod {
    uid: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Local(Cgroups),
    /// The container of its node.
    Kind(String),
}

impl RunningPod {
    pub(super) fn local(uid: &str, cgroups: Cgroups) -> Self {
        Self { uid: uid.to_owned(), place: Place::Local(cgroups) }
    }

    pub(super) fn kind(uid: &str, node: &str) -> Self {
        Self { uid: uid.to_owned(), place: Place::Kind(node.to_owned()) }
    }

    /// Ends its containers as a crash would (KILL); the kubelet starts them again.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.signal(Signal::KILL, "KILL")
    }

    /// Stops every process of its containers where it is (STOP).
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP, "STOP")
    }

    /// Lets them go on (CONT).
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT, "CONT")
    }

    /// From now on drops what comes to a TCP port, from everywhere but the pod's own node, whose kubelet probes it.
    pub fn block_port(&self, port: u16) -> anyhow::Result<()> {
        let gateway = self.in_network(&["ip", "-4", "route", "show", "default"])?;
        let gateway = gateway.split_whitespace().nth(2).context("the pod has no default route")?;
        let table = format!("add table inet {TABLE}");
        let chain = format!("add chain inet {TABLE} input {{ type filter hook input priority 0; }}");
        let rule = format!("add rule inet {TABLE} input ip saddr != {gateway} tcp dport {port} drop");
        self.in_network(&["nft", &format!("{table}; {chain}; {rule}")]).map(drop)
    }

    /// Lets everything in again. Nothing blocked is no error.
    pub fn unblock_ports(&self) -> anyhow::Result<()> {
        self.in_network(&["nft", &format!("add table inet {TABLE}; delete table inet {TABLE}")]).map(drop)
    }

    fn signal(&self, signal: Signal, name: &str) -> anyhow::Result<()> {
        match &self.place {
            Place::Local(cgroups) => {
                let processes = self.processes(cgroups)?;
                // The process that holds the pod's namespaces is Kubernetes' own.
                let mut own = processes.iter().filter(|process| !is_pause(**process)).peekable();
                ensure!(own.peek().is_some(), "the containers of pod {} run nothing just now", self.uid);
                own.try_for_each(|process| process.signal(signal))
            }
            Place::Kind(node) => {
                let pod = self.uid.replace('-', "_");
                let script = format!(
                    "for p in $(cat $(find /sys/fs/cgroup -path '*pod{pod}*' -name cgroup.procs)); do \
                     test $(cat /proc/$p/comm) = pause || kill -{name} $p; done"
                );
                docker_exec(node, &script)
            }
        }
    }

    fn in_network(&self, words: &[&str]) -> anyhow::Result<String> {
        let Place::Local(cgroups) = &self.place else {
            bail!("ports can be blocked with the local provider alone")
        };
        let processes = self.processes(cgroups)?;
        let process = processes.first().with_context(|| format!("pod {} does not run", self.uid))?;
        let mut command = Command::new("nsenter");
        command.args(["--target", &process.pid.to_string(), "--net", "--"]).args(words);
        output(&mut command)
    }

    fn processes(&self, cgroups: &Cgroups) -> anyhow::Result<Vec<ProcessIdentity>> {
        let folder = cgroups.find(&format!("pod{}", self.uid));
        let folder: PathBuf = folder.with_context(|| format!("pod {} does not run here", self.uid))?;
        Ok(super::cgroups::members(&folder).into_iter().collect())
    }
}

fn is_pause(process: ProcessIdentity) -> bool {
    fs::read_to_string(format!("/proc/{}/comm", process.pid)).is_ok_and(|name| name.trim() == "pause")
}
