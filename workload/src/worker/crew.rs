//! How many workers run, and changing that without failing a request.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::thread;
use crate::admission::WorkerId;
use crate::core::Core;
use crate::settings::MAX_WORKERS;

/// The workers of one server.
#[derive(Debug)]
pub(crate) struct Crew {
    core: Arc<Core>,
    /// One change at a time.
    changing: Mutex<()>,
}

/// Why the number of workers was not changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// The number is outside the range.
    #[error("workers must be from 1 to {MAX_WORKERS}, not {0}")]
    OutOfRange(usize),
    /// Workers that retire still hold too many threads.
    #[error("too many workers are still finishing requests; try again when they have ended")]
    StillRetiring,
    /// A thread or its runtime did not start; the number is what it was.
    #[error("failed to start a worker: {0}; check the limits on threads and open files of the process")]
    Start(#[from] io::Error),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl Crew {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core, changing: Mutex::new(()) }
    }

    /// Makes it `wanted` workers. Growing ends when the new ones serve; those too many finish by themselves.
    pub(crate) fn resize(&self, wanted: usize) -> Result<usize, WorkersError> {
        if !(1..=MAX_WORKERS).contains(&wanted) {
            return Err(WorkersError::OutOfRange(wanted));
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.core.stage().is_ending() {
            return Err(WorkersError::Stopping);
        }
        let live = self.core.gate.live();
        if wanted > live.len() {
            self.grow(wanted - live.len())?;
        }
        for worker in live.iter().skip(wanted) {
            self.retire(*worker);
        }
        if wanted != live.len() && !live.is_empty() {
            tracing::info!(from = live.len(), to = wanted, "workers changed");
        }
        Ok(wanted)
    }

    fn grow(&self, count: usize) -> Result<(), WorkersError> {
        let mut started = Vec::new();
        for _ in 0..count {
            match self.start_one() {
                Ok(worker) => started.push(worker),
                Err(error) => {
                    for worker in started {
                        self.retire(worker);
                    }
                    return Err(error);
                }
            }
        }
        self.core.roster.rebalance();
        Ok(())
    }

    fn start_one(&self) -> Result<WorkerId, WorkersError> {
        let worker = self.core.gate.free_number();
        if worker.0 >= 2 * MAX_WORKERS {
            return Err(WorkersError::StillRetiring);
        }
        thread::start(&self.core, worker)?;
        Ok(worker)
    }

    fn retire(&self, worker: WorkerId) {
        self.core.gate.retire(worker);
        self.core.roster.retire(worker);
    }
}
