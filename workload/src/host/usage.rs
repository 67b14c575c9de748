//! CPU time of the process and of its worker threads.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Pid;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::admission::WorkerId;

/// CPU time by worker number, over all threads that have had it.
#[derive(Debug, Default)]
pub(crate) struct Cpu {
    workers: Mutex<Vec<Worker>>,
}

#[derive(Debug, Clone, Default)]
struct Worker {
    /// Seconds of threads that have ended.
    past: f64,
    thread: Option<Pid>,
}

/// Follows a worker's thread until it is dropped, on that thread.
#[derive(Debug)]
pub(crate) struct Following<'a> {
    cpu: &'a Cpu,
    worker: WorkerId,
}

/// CPU time of the whole process, in seconds.
pub(crate) fn process_cpu_seconds() -> f64 {
    seconds(clock_gettime(ClockId::ProcessCPUTime))
}

/// CPU time of the calling thread, in seconds.
pub(crate) fn thread_cpu_seconds() -> f64 {
    seconds(clock_gettime(ClockId::ThreadCPUTime))
}

impl Cpu {
    /// Counts the calling thread's time for `worker`.
    pub(crate) fn follow_this_thread(&self, worker: WorkerId) -> Following<'_> {
        let mut workers = self.workers();
        if workers.len() <= worker.0 {
            workers.resize(worker.0 + 1, Worker::default());
        }
        workers[worker.0].thread = Some(rustix::thread::gettid());
        Following { cpu: self, worker }
    }

    /// The thread that has that number now.
    pub(crate) fn thread_of(&self, worker: WorkerId) -> Option<Pid> {
        self.workers().get(worker.0)?.thread
    }

    /// All threads of workers that run, with their numbers.
    pub(crate) fn threads(&self) -> Vec<(WorkerId, Pid)> {
        let workers = self.workers();
        let threads = workers.iter().enumerate();
        threads.filter_map(|(number, worker)| Some((WorkerId(number), worker.thread?))).collect()
    }

    /// Seconds of each worker number.
    pub(crate) fn seconds(&self) -> Vec<f64> {
        let workers = self.workers().clone();
        workers.iter().map(|worker| worker.past + worker.thread.map_or(0.0, running_seconds)).collect()
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        let worker = &mut self.cpu.workers()[self.worker.0];
        worker.past += thread_cpu_seconds();
        worker.thread = None;
    }
}

/// CPU time of another thread of this process: the first number of its `schedstat`, in nanoseconds.
fn running_seconds(thread: Pid) -> f64 {
    let text = fs::read_to_string(format!("/proc/self/task/{}/schedstat", thread.as_raw_nonzero()));
    let nanos = text.ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.unwrap_or(0.0) * 1e-9
}

fn seconds(time: Timespec) -> f64 {
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
