//! Admission with its lock: requests come in from connections, go out to workers, and leave their slots.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use http::Request;
use tokio::sync::{Notify, oneshot};

use super::machine::{Admission, Rules, Taken, Ticket, Verdict, WorkerId};
use super::tally::{Rejection, Tally};
use crate::clock::{Clock, Nanos};
use crate::connection::{Outcome, Refusal};
use crate::worker::{Command, Roster};

/// The admission of one server.
#[derive(Debug)]
pub(crate) struct Gate {
    clock: Clock,
    admission: Mutex<Admission<Job>>,
    roster: Arc<Roster>,
    /// Told when the queue is no longer empty, so that somebody watches its delay.
    began_waiting: Notify,
}

/// A request on its way to a worker other than the one that read it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Box<Request<Body>>,
    pub(crate) reply: oneshot::Sender<Outcome>,
    /// How long it waited for admission.
    pub(crate) waited: Nanos,
}

/// What became of a request at the gate.
#[derive(Debug)]
pub(crate) enum Entry {
    /// It may run in the worker that read it.
    Here(Permit),
    /// It runs elsewhere, now or later.
    Elsewhere(Errand),
    /// It is turned away.
    Rejected(Rejection),
}

/// A request that is run by another worker or waits to be. Dropping it (the client has left) withdraws it.
#[derive(Debug)]
pub(crate) struct Errand {
    gate: Arc<Gate>,
    /// Its place in the queue, if it had to wait.
    ticket: Option<Ticket>,
    pub(crate) reply: oneshot::Receiver<Outcome>,
}

/// The right to run one request in one worker; the slot is free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    worker: WorkerId,
    since: Nanos,
    /// When it was done, if that is known; else when the permit is dropped.
    until: Option<Nanos>,
}

impl Gate {
    pub(crate) fn new(clock: Clock, rules: Rules, roster: Arc<Roster>) -> Arc<Self> {
        let admission = Mutex::new(Admission::new(rules));
        Arc::new(Self { clock, admission, roster, began_waiting: Notify::new() })
    }

    /// A request whose head was read at `now` in the worker `home`. Unless it may run here, it is taken away.
    pub(crate) fn enter(self: &Arc<Self>, now: Nanos, home: WorkerId, request: &mut Request<Body>) -> Entry {
        let retry = request.headers().contains_key("x-retry-attempt");
        let mut reply = None;
        let mut admission = self.admission();
        admission.tally.retries += u64::from(retry);
        let verdict = admission.arrive(now, home, || {
            let (sender, receiver) = oneshot::channel();
            reply = Some(receiver);
            Job { request: Box::new(mem::take(request)), reply: sender, waited: Nanos::default() }
        });
        drop(admission);
        let ticket = match verdict {
            Verdict::Here => return Entry::Here(self.permit(home, now)),
            Verdict::Rejected(reason) => return Entry::Rejected(reason),
            Verdict::There(worker, job) => {
                self.dispatch(worker, now, job);
                None
            }
            Verdict::Waits(ticket) => {
                self.began_waiting.notify_one();
                Some(ticket)
            }
        };
        let errand = reply.map(|reply| Errand { gate: Arc::clone(self), ticket, reply });
        // A request that was taken away always has a reply to wait for.
        errand.map_or(Entry::Rejected(Rejection::Abandoned), Entry::Elsewhere)
    }

    /// A request whose head is against the rules.
    pub(crate) fn enter_malformed(&self) {
        self.admission().arrive_malformed();
    }

    /// A worker has started.
    pub(crate) fn enlist(self: &Arc<Self>, worker: WorkerId) {
        let now = self.clock.now();
        self.admission().enlist(worker);
        while let Some(taken) = self.take(now, worker) {
            self.dispatch_taken(worker, now, taken);
        }
    }

    /// A worker gets nothing more.
    pub(crate) fn retire(&self, worker: WorkerId) {
        self.admission().retire(worker);
    }

    /// Whether a worker has nothing left to finish.
    pub(crate) fn has_finished(&self, worker: WorkerId) -> bool {
        self.admission().has_finished(worker)
    }

    /// A worker has ended; its number is free.
    pub(crate) fn dismiss(&self, worker: WorkerId) {
        self.admission().dismiss(worker);
    }

    /// Numbers of the live workers, ascending.
    pub(crate) fn live(&self) -> Vec<WorkerId> {
        self.admission().live().collect()
    }

    /// The lowest number that no worker has.
    pub(crate) fn free_number(&self) -> WorkerId {
        self.admission().free_number()
    }

    /// From now on what finds no room is refused because the server stops.
    pub(crate) fn stop(&self) {
        self.admission().stop();
    }

    /// Turns away everything that still waits.
    pub(crate) fn clear_queue(&self) {
        let now = self.clock.now();
        while let Some(job) = self.take_draining(now) {
            job.refuse(Rejection::Draining);
        }
    }

    /// Turns away what has waited too long; says whether anything waits still.
    pub(crate) fn shed_overdue(&self) -> bool {
        let now = self.clock.now();
        let mut admission = self.admission();
        let overdue = take_all_overdue(&mut admission, now);
        let waiting = admission.is_waiting();
        drop(admission);
        refuse_all(overdue, Rejection::DelayBound);
        waiting
    }

    /// Whether nothing runs and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        let admission = self.admission();
        admission.tally.in_flight.level() == 0 && !admission.is_waiting()
    }

    /// Returns once a request waits.
    pub(crate) async fn began_waiting(&self) {
        self.began_waiting.notified().await;
    }

    /// All counts at one moment, and the occupied seconds of each worker where slots are limited.
    pub(crate) fn snapshot(&self) -> (Nanos, Tally, Option<Vec<f64>>) {
        let admission = self.admission();
        let now = self.clock.now();
        (now, admission.tally.clone(), admission.occupied_seconds(now))
    }

    fn release(self: &Arc<Self>, worker: WorkerId, now: Nanos, held: Nanos) {
        let mut admission = self.admission();
        admission.finish(now, worker, held);
        let overdue = take_all_overdue(&mut admission, now);
        let next = admission.take(now, worker);
        drop(admission);
        refuse_all(overdue, Rejection::DelayBound);
        if let Some(taken) = next {
            self.dispatch_taken(worker, now, taken);
        }
    }

    fn dispatch_taken(self: &Arc<Self>, worker: WorkerId, now: Nanos, taken: Taken<Job>) {
        let Taken { mut job, waited } = taken;
        job.waited = waited;
        self.dispatch(worker, now, job);
    }

    fn dispatch(self: &Arc<Self>, worker: WorkerId, now: Nanos, job: Job) {
        // A worker ends only after its permits are back, so its mailbox is open; were it not, dropping the command
        // would free the slot and tell the connection.
        drop(self.roster.send(worker, Command::Run(job, self.permit(worker, now))));
    }

    fn permit(self: &Arc<Self>, worker: WorkerId, since: Nanos) -> Permit {
        Permit { gate: Arc::clone(self), worker, since, until: None }
    }

    fn take(&self, now: Nanos, worker: WorkerId) -> Option<Taken<Job>> {
        self.admission().take(now, worker)
    }

    fn take_draining(&self, now: Nanos) -> Option<Job> {
        self.admission().take_draining(now)
    }

    fn admission(&self) -> MutexGuard<'_, Admission<Job>> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Empty, and then without an allocation, unless the queue is overloaded.
fn take_all_overdue(admission: &mut Admission<Job>, now: Nanos) -> Vec<Job> {
    std::iter::from_fn(|| admission.take_overdue(now)).collect()
}

fn refuse_all(jobs: Vec<Job>, reason: Rejection) {
    for job in jobs {
        job.refuse(reason);
    }
}

impl Job {
    fn refuse(self, reason: Rejection) {
        // The receiver is gone when the client is.
        drop(self.reply.send(Err(Refusal::Overloaded(reason))));
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let abandoned = self.gate.admission().abandon(self.gate.clock.now(), ticket);
            drop(abandoned);
        }
    }
}

impl Permit {
    /// Since when the slot is held.
    pub(crate) fn since(&self) -> Nanos {
        self.since
    }

    /// Gives the slot back as of `now`, which saves a look at the clock.
    pub(crate) fn finish(mut self, now: Nanos) {
        self.until = Some(now);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.until.unwrap_or_else(|| self.gate.clock.now());
        self.gate.release(self.worker, now, now - self.since);
    }
}
