//! A process, told apart from a later one that got the same number by the time at which it started.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process that runs or ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did.
    pub started: u64,
}

impl ProcessIdentity {
    /// The process that has this number now. `None`: there is none, or it has ended and waits to be noticed.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self { pid, started: start_of_living(&stat)? })
    }

    /// This process.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Whether it still runs, be it stopped.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// Sends a signal; one that has ended gets none, nor does another process with its number.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let Some(handle) = self.handle() else { return Ok(()) };
        match pidfd_send_signal(handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("can't signal process {}", self.pid)),
        }
    }

    /// Waits until it has ended, at most this long. Whether it has.
    pub fn wait_end(&self, patience: Duration) -> bool {
        let Some(handle) = self.handle() else { return true };
        let timeout = Timespec {
            tv_sec: patience.as_secs().cast_signed(),
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        // The handle of a process becomes readable when it ends. An interrupted wait looks once more below.
        let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&timeout));
        !self.is_alive()
    }

    /// A handle is opened before the look, so the process that was looked at is the one that is held.
    fn handle(&self) -> Option<OwnedFd> {
        let handle = pidfd_open(Pid::from_raw(i32::try_from(self.pid).ok()?)?, PidfdFlags::empty()).ok()?;
        self.is_alive().then_some(handle)
    }
}

/// The start time from a line of `/proc/PID/stat`; `None` for a process that has ended.
fn start_of_living(stat: &str) -> Option<u64> {
    // The name, in parentheses, may hold anything; the state follows it, and the start is the 22nd field of all.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "77 (odd) name) S 1 77 77 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 4711 1000 10 18446744073709551615";

    #[test]
    fn the_start_is_read_behind_any_name() {
        assert_eq!(start_of_living(STAT), Some(4711));
        assert_eq!(start_of_living(&STAT.replace(") S", ") Z")), None);
    }

    #[test]
    fn another_process_with_the_number_is_not_signalled() {
        let own = ProcessIdentity::own().unwrap();
        assert!(own.is_alive());
        let earlier = ProcessIdentity { started: own.started - 1, ..own };
        assert!(!earlier.is_alive());
        // Were it sent, this test would end here.
        earlier.signal(Signal::KILL).unwrap();
        assert!(earlier.wait_end(Duration::ZERO));
    }

    #[test]
    fn the_end_of_a_process_is_noticed() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let process = ProcessIdentity::of(child.id()).unwrap();
        process.signal(Signal::KILL).unwrap();
        assert!(process.wait_end(Duration::from_secs(60)));
        child.wait().unwrap();
    }
}
