//! Keeping threads to CPUs.

use std::io;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Lets a thread of this process run on these CPUs alone.
pub(crate) fn keep_to(thread: Pid, cpus: &[usize]) -> io::Result<()> {
    Ok(sched_setaffinity(Some(thread), &set_of(cpus))?)
}

/// Whether a thread runs on these CPUs alone.
pub(crate) fn keeps_to(thread: Pid, cpus: &[usize]) -> bool {
    sched_getaffinity(Some(thread)).is_ok_and(|set| set == set_of(cpus))
}

/// Lets the calling thread run wherever the process may: threads inherit the pin of those that start them.
pub(crate) fn run_anywhere() {
    let process = rustix::process::getpid();
    let freed = sched_getaffinity(Some(process)).and_then(|set| sched_setaffinity(None, &set));
    if let Err(error) = freed {
        tracing::debug!(%error, "a thread for blocking calls stays on its worker's CPU");
    }
}

fn set_of(cpus: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU).for_each(|cpu| set.set(*cpu));
    set
}
