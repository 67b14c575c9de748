//! A running pod that a test breaks from outside: its image need not hold a shell.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
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

/// What a process has used, as the kernel counts it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Memory now.
    pub resident_bytes: f64,
    /// CPU since its start.
    pub cpu_seconds: f64,
}

impl Usage {
    /// Reads the line `VmRSS` of `/proc/PID/status`, followed by `/proc/PID/stat`.
    fn parse(text: &str) -> Option<Self> {
        let (resident, stat) = text.split_once('\n')?;
        let kilobytes: f64 = resident.split_whitespace().nth(1)?.parse().ok()?;
        // The name, in parentheses, may hold anything; the state follows it, and 11 fields later come the two times.
        let mut times = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut ticks = || times.next()?.parse::<f64>().ok();
        let cpu = ticks()? + ticks()?;
        let cpu_seconds = cpu / rustix::param::clock_ticks_per_second() as f64;
        Some(Self { resident_bytes: kilobytes * 1024.0, cpu_seconds })
    }
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

    /// What its own process has used so far.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        const READ: &str = "grep VmRSS /proc/$p/status; cat /proc/$p/stat";
        let text = match &self.place {
            Place::Local(cgroups) => {
                let processes = self.processes(cgroups)?;
                let own = processes.iter().find(|process| !is_pause(**process));
                let own = own.with_context(|| format!("the containers of pod {} run nothing", self.uid))?;
                output(Command::new("sh").args(["-ec", &format!("p={}; {READ}", own.pid)]))?
            }
            Place::Kind(node) => {
                let processes = self.processes_in_container();
                let script = format!(
                    "for p in {processes}; do test $(cat /proc/$p/comm) = pause || {{ {READ}; break; }}; done"
                );
                docker_exec(node, &script)?
            }
        };
        Usage::parse(&text).with_context(|| format!("not understood: {text}"))
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
                let processes = self.processes_in_container();
                let script = format!(
                    "for p in {processes}; do test $(cat /proc/$p/comm) = pause || kill -{name} $p; done"
                );
                docker_exec(node, &script).map(drop)
            }
        }
    }

    fn in_network(&self, words: &[&str]) -> anyhow::Result<String> {
        match &self.place {
            Place::Local(cgroups) => {
                let processes = self.processes(cgroups)?;
                let process = processes.first().with_context(|| format!("pod {} does not run", self.uid))?;
                let mut command = Command::new("nsenter");
                command.args(["--target", &process.pid.to_string(), "--net", "--"]).args(words);
                output(&mut command)
            }
            Place::Kind(node) => {
                let processes = self.processes_in_container();
                let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
                let script =
                    format!("set -- {processes}; nsenter --target \"$1\" --net -- {}", words.join(" "));
                docker_exec(node, &script)
            }
        }
    }

    /// What the shell of a node's container puts in place of this: the pod's processes.
    fn processes_in_container(&self) -> String {
        let pod = self.uid.replace('-', "_");
        format!("$(cat $(find /sys/fs/cgroup -path '*pod{pod}*' -name cgroup.procs))")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_is_odd_is_read() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 3 0 150 50 0 0 20 0 5 0 100 1000 300";
        let usage = Usage::parse(&format!("VmRSS:\t   20480 kB\n{stat}")).unwrap();
        assert_eq!(usage.resident_bytes, 20_971_520.0);
        assert_eq!(usage.cpu_seconds * rustix::param::clock_ticks_per_second() as f64, 200.0);
    }
}
