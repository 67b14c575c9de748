//! The rules of admission, as plain code: who runs where, who waits, who is turned away.
//!
//! Work conserving: while a request waits, every slot of every live worker is taken. The queue is first come, first
//! served, bounded in length and in delay.

use std::collections::VecDeque;

use super::tally::{Integral, Rejection, Tally};
use crate::clock::Nanos;

/// Number of a worker. A number is used again once its worker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct WorkerId(pub(crate) usize);

/// Names a waiting request. Tickets grow with arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// The bounds of admission.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Requests one worker may run at the same time; `None` for no limit.
    pub(crate) slots_per_worker: Option<u32>,
    pub(crate) queue_length: usize,
    pub(crate) delay_bound: Nanos,
}

/// The state of admission over all workers; `J` is what waits.
#[derive(Debug)]
pub(crate) struct Admission<J> {
    rules: Rules,
    workers: Vec<Slots>,
    queue: VecDeque<Waiting<J>>,
    next_ticket: u64,
    /// Running mean of how long a slot is held, for the wait to expect.
    mean_hold: Nanos,
    stopping: Stopping,
    pub(super) tally: Tally,
}

/// What becomes of an arrival.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<J> {
    /// It runs in the worker that read it.
    Here,
    /// It runs in another worker.
    There(WorkerId, J),
    /// It waits.
    Waits(Ticket),
    /// It is turned away.
    Rejected(Rejection),
}

/// A request that was taken out of the queue, and how long it had waited.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken<J> {
    pub(crate) job: J,
    pub(crate) waited: Nanos,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    No,
    Yes,
}

#[derive(Debug)]
struct Waiting<J> {
    ticket: Ticket,
    since: Nanos,
    job: J,
}

#[derive(Debug)]
struct Slots {
    role: Role,
    held: Integral,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Takes requests.
    Live,
    /// Finishes what it has.
    Retiring,
    /// Has ended; its number is free.
    Gone,
}

impl<J> Admission<J> {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            workers: Vec::new(),
            queue: VecDeque::new(),
            next_ticket: 0,
            mean_hold: Nanos::default(),
            stopping: Stopping::No,
            tally: Tally::default(),
        }
    }

    /// A request's head was read in the worker `home`; `job` is made of it unless it can run there at once.
    pub(crate) fn arrive(&mut self, now: Nanos, home: WorkerId, job: impl FnOnce() -> J) -> Verdict<J> {
        self.tally.arrivals += 1;
        if let Some(worker) = self.free_worker(home) {
            self.occupy(worker, now);
            return if worker == home { Verdict::Here } else { Verdict::There(worker, job()) };
        }
        if self.queue.len() >= self.rules.queue_length {
            return self.refuse(Rejection::QueueFull);
        }
        if self.expected_wait() > self.rules.delay_bound {
            return self.refuse(Rejection::DelayBound);
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let job = job();
        self.queue.push_back(Waiting { ticket, since: now, job });
        self.tally.queued.raise(now);
        Verdict::Waits(ticket)
    }

    /// A request's head was read and can't be accepted, whatever the load.
    pub(crate) fn arrive_malformed(&mut self) {
        self.tally.arrivals += 1;
        self.tally.reject(Rejection::Malformed);
    }

    /// A request has left its slot in `worker` after `held`; `take` says who follows.
    pub(crate) fn finish(&mut self, now: Nanos, worker: WorkerId, held: Nanos) {
        // One part in 16: the mean follows a change of the load within some dozens of requests.
        self.mean_hold = Nanos(self.mean_hold.0 - self.mean_hold.0 / 16 + held.0 / 16);
        self.workers[worker.0].held.lower(now);
        self.tally.in_flight.lower(now);
    }

    /// The next waiting request for a free slot of `worker`.
    pub(crate) fn take(&mut self, now: Nanos, worker: WorkerId) -> Option<Taken<J>> {
        if !self.has_room(worker) {
            return None;
        }
        let taken = self.dequeue(now)?;
        self.occupy(worker, now);
        Some(taken)
    }

    /// The next request that has waited longer than the bound.
    pub(crate) fn take_overdue(&mut self, now: Nanos) -> Option<J> {
        let overdue = self.queue.front().is_some_and(|first| now - first.since > self.rules.delay_bound);
        overdue.then(|| self.turn_away(now, Rejection::DelayBound)).flatten()
    }

    /// The next of all that wait, to be told that the server ends.
    pub(crate) fn take_draining(&mut self, now: Nanos) -> Option<J> {
        self.turn_away(now, Rejection::Draining)
    }

    /// The client of a waiting request has left.
    pub(crate) fn abandon(&mut self, now: Nanos, ticket: Ticket) -> Option<J> {
        let index = self.queue.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()?;
        let waiting = self.queue.remove(index)?;
        self.tally.queued.lower(now);
        self.tally.reject(Rejection::Abandoned);
        Some(waiting.job)
    }

    /// A worker begins: its slots are free from now on. The caller then takes what waits.
    pub(crate) fn enlist(&mut self, worker: WorkerId) {
        while self.workers.len() <= worker.0 {
            self.workers.push(Slots { role: Role::Gone, held: Integral::default() });
        }
        self.workers[worker.0].role = Role::Live;
    }

    /// A worker gets nothing more.
    pub(crate) fn retire(&mut self, worker: WorkerId) {
        self.workers[worker.0].role = Role::Retiring;
    }

    /// Whether a worker has nothing left to finish.
    pub(crate) fn has_finished(&self, worker: WorkerId) -> bool {
        self.workers[worker.0].held.level() == 0
    }

    /// A worker has ended; its number is free.
    pub(crate) fn dismiss(&mut self, worker: WorkerId) {
        self.workers[worker.0].role = Role::Gone;
    }

    /// From now on what finds no room is refused because the server stops.
    pub(crate) fn stop(&mut self) {
        self.stopping = Stopping::Yes;
    }

    /// Whether requests wait.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The lowest number that no worker has.
    pub(crate) fn free_number(&self) -> WorkerId {
        let gone = self.workers.iter().position(|slots| slots.role == Role::Gone);
        WorkerId(gone.unwrap_or(self.workers.len()))
    }

    /// Numbers of the live workers, ascending.
    pub(crate) fn live(&self) -> impl DoubleEndedIterator<Item = WorkerId> {
        let numbers = self.workers.iter().enumerate().filter(|(_, slots)| slots.role == Role::Live);
        numbers.map(|(number, _)| WorkerId(number))
    }

    /// Share of the slots occupied, integrated, in seconds, for each worker; `None` without a limit.
    pub(crate) fn occupied_seconds(&self, now: Nanos) -> Option<Vec<f64>> {
        let slots = f64::from(self.rules.slots_per_worker?);
        Some(self.workers.iter().map(|worker| worker.held.seconds(now) / slots).collect())
    }

    fn free_worker(&self, home: WorkerId) -> Option<WorkerId> {
        if self.rules.slots_per_worker.is_none() || self.has_room(home) {
            return Some(home);
        }
        // While somebody waits nothing is free: no need to look.
        if !self.queue.is_empty() {
            return None;
        }
        let open = self.live().filter(|worker| self.has_room(*worker));
        open.min_by_key(|worker| self.workers[worker.0].held.level())
    }

    fn has_room(&self, worker: WorkerId) -> bool {
        let slots = &self.workers[worker.0];
        let limit = self.rules.slots_per_worker.map_or(u64::MAX, u64::from);
        slots.role == Role::Live && slots.held.level() < limit
    }

    fn occupy(&mut self, worker: WorkerId, now: Nanos) {
        self.workers[worker.0].held.raise(now);
        self.tally.in_flight.raise(now);
        self.tally.admitted += 1;
    }

    /// The wait of one more request: a slot becomes free every mean hold over all slots.
    fn expected_wait(&self) -> Nanos {
        let slots = self.live().count() as u64 * u64::from(self.rules.slots_per_worker.unwrap_or(1));
        Nanos(self.mean_hold.0.saturating_mul(self.queue.len() as u64 + 1) / slots.max(1))
    }

    fn dequeue(&mut self, now: Nanos) -> Option<Taken<J>> {
        let first = self.queue.pop_front()?;
        self.tally.queued.lower(now);
        Some(Taken { job: first.job, waited: now - first.since })
    }

    fn turn_away(&mut self, now: Nanos, reason: Rejection) -> Option<J> {
        let taken = self.dequeue(now)?;
        self.count(reason);
        Some(taken.job)
    }

    fn refuse(&mut self, reason: Rejection) -> Verdict<J> {
        Verdict::Rejected(self.count(reason))
    }

    /// Counts a rejection for lack of room; once the server stops, that is the reason for all of them.
    fn count(&mut self, reason: Rejection) -> Rejection {
        let reason = if self.stopping == Stopping::Yes { Rejection::Draining } else { reason };
        self.tally.reject(reason);
        reason
    }
}

#[cfg(test)]
mod tests;
