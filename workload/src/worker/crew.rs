//! How many workers run and on which CPUs, and changing both without failing a request.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::thread;
use crate::admission::WorkerId;
use crate::core::Core;
use crate::host::{Host, Machine, Placement, Reason, keep_to, keeps_to};
use crate::settings::{MAX_WORKERS, Pinning, Workers};

/// The workers of one server.
#[derive(Debug)]
pub(crate) struct Crew {
    core: Arc<Core>,
    host: Host,
    start: Start,
    /// Locked for the whole of a change: one at a time.
    state: Mutex<State>,
}

/// Starts a worker's thread; returns when it serves.
type Start = fn(&Arc<Core>, WorkerId) -> io::Result<()>;

#[derive(Debug)]
struct State {
    wanted: Wanted,
    /// What the machine had when the workers were last changed, and what followed from it.
    applied: Option<(Machine, Placement)>,
}

#[derive(Debug, Clone, Copy)]
struct Wanted {
    workers: Workers,
    pinning: Pinning,
}

/// A change; what it leaves out stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    pub(crate) workers: Option<Workers>,
    pub(crate) pinning: Option<Pinning>,
}

/// What is true about the workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Runtime {
    pub(crate) workers: usize,
    /// Whether their number follows the CPUs.
    auto: bool,
    pinning: Pinning,
    pinned: bool,
    /// The CPU of each worker, in the order of their numbers.
    cpus: Vec<Option<usize>>,
    pub(crate) reason: String,
}

/// Why the workers were not changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// The number is outside the range.
    #[error("workers must be from 1 to {MAX_WORKERS}, not {0}")]
    OutOfRange(usize),
    /// Workers that retire still hold too many threads.
    #[error("too many workers are still finishing requests; try again when they have ended")]
    StillRetiring,
    /// A thread or its runtime did not start; all is as it was.
    #[error("failed to start a worker: {0}; check the limits on threads and open files of the process")]
    Start(#[from] io::Error),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl Crew {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self::starting_with(core, thread::start)
    }

    fn starting_with(core: Arc<Core>, start: Start) -> Self {
        let wanted = Wanted { workers: core.settings.workers, pinning: core.settings.cpus.pinning };
        let state = Mutex::new(State { wanted, applied: None });
        Self { host: core.host.clone(), core, start, state }
    }

    /// Makes it so. Growing ends when the new workers serve; those too many finish by themselves. If a worker does not
    /// start, everything stays as it was.
    pub(crate) fn change(&self, change: Change) -> Result<Runtime, WorkersError> {
        let mut state = self.state();
        let wanted = Wanted {
            workers: change.workers.unwrap_or(state.wanted.workers),
            pinning: change.pinning.unwrap_or(state.wanted.pinning),
        };
        if let Workers::Exactly(count) = wanted.workers
            && count.get() > MAX_WORKERS
        {
            return Err(WorkersError::OutOfRange(count.get()));
        }
        self.apply(&mut state, wanted, self.host.look())
    }

    /// Follows the machine, if that has changed or somebody else has moved the workers.
    pub(crate) fn adapt(&self) -> Result<(), WorkersError> {
        let mut state = self.state();
        let machine = self.host.look();
        let holds = |(seen, placement): &(Machine, Placement)| *seen == machine && self.holds(placement);
        if state.applied.as_ref().is_some_and(holds) {
            return Ok(());
        }
        let wanted = state.wanted;
        let runtime = self.apply(&mut state, wanted, machine)?;
        tracing::info!(
            workers = runtime.workers,
            pinned = runtime.pinned,
            reason = runtime.reason,
            "CPUs changed"
        );
        Ok(())
    }

    /// What is true now.
    pub(crate) fn runtime(&self) -> Runtime {
        self.describe(&self.state())
    }

    fn apply(&self, state: &mut State, wanted: Wanted, machine: Machine) -> Result<Runtime, WorkersError> {
        let mut placement = Placement::of(wanted.workers, wanted.pinning, &machine);
        self.resize(placement.workers)?;
        self.core.watch.set_cpu_share(machine.cpus() / placement.workers as f64);
        if let Err(error) = self.place(&placement, &machine.allowed) {
            tracing::warn!(%error, "workers could not be pinned");
            placement.cpus.clear();
            placement.because = Reason::Failed { error: error.to_string() };
        }
        self.core.pinned.store(!placement.cpus.is_empty(), Relaxed);
        *state = State { wanted, applied: Some((machine, placement)) };
        Ok(self.describe(state))
    }

    fn resize(&self, wanted: usize) -> Result<(), WorkersError> {
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
        Ok(())
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
        (self.start)(&self.core, worker)?;
        Ok(worker)
    }

    fn retire(&self, worker: WorkerId) {
        self.core.gate.retire(worker);
        self.core.roster.retire(worker);
    }

    /// Gives every worker its CPU, or all of them, also those that retire.
    fn place(&self, placement: &Placement, allowed: &[usize]) -> io::Result<()> {
        let live = self.core.gate.live();
        let mut outcome = Ok(());
        for (worker, thread) in self.core.cpu.threads() {
            let place = live.iter().position(|live| *live == worker);
            let own = place.and_then(|place| placement.cpus.get(place..=place));
            if let Some(own) = own.filter(|_| outcome.is_ok()) {
                outcome = keep_to(thread, own);
            }
            if own.is_none() {
                drop(keep_to(thread, allowed));
            }
        }
        if outcome.is_err() {
            self.core.cpu.threads().into_iter().for_each(|(_, thread)| drop(keep_to(thread, allowed)));
        }
        outcome
    }

    /// Whether the workers are still as they were made.
    fn holds(&self, placement: &Placement) -> bool {
        let live = self.core.gate.live();
        let mut pinned = live.iter().zip(placement.cpus.chunks(1));
        pinned
            .all(|(worker, own)| self.core.cpu.thread_of(*worker).is_none_or(|thread| keeps_to(thread, own)))
    }

    fn describe(&self, state: &State) -> Runtime {
        let workers = self.core.gate.live().len();
        let placement = state.applied.as_ref().map(|(_, placement)| placement);
        let cpu_of = |worker| placement.and_then(|placement| placement.cpus.get(worker).copied());
        let cpus: Vec<_> = (0..workers).map(cpu_of).collect();
        Runtime {
            workers,
            auto: state.wanted.workers == Workers::Auto,
            pinning: state.wanted.pinning,
            pinned: workers > 0 && cpus.iter().all(Option::is_some),
            cpus,
            reason: placement.map(|placement| placement.because.to_string()).unwrap_or_default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
