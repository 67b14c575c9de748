//! Admission as the workers use it: requests come in from connections, go out to workers, and leave their slots.
//!
//! While nothing waits, a request takes a slot of its own worker and gives it back without a lock and without an
//! allocation, and is counted by its worker alone. Everything else goes through one lock.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use http::Request;
use tokio::sync::{Notify, oneshot};

use super::home::{Home, Permit};
use super::machine::{Admission, Marks, Rules, Taken, Turned, Verdict, WorkerId};
use super::notice::Notice;
use super::queue::Ticket;
use super::tally::{Rejection, Tally};
use crate::clock::{Clock, Nanos};
use crate::connection::{Outcome, Refusal};
use crate::worker::{Command, Roster};

/// The admission of one server.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(super) clock: Clock,
    admission: Mutex<Admission<Job>>,
    pub(super) notice: Arc<Notice>,
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

impl Gate {
    pub(crate) fn new(clock: Clock, rules: Rules, roster: Arc<Roster>) -> Arc<Self> {
        let admission = Admission::new(rules);
        let notice = Arc::clone(&admission.notice);
        let admission = Mutex::new(admission);
        Arc::new(Self { clock, admission, notice, roster, began_waiting: Notify::new() })
    }

    /// A worker's own way in. It has no slots until it is enlisted.
    pub(crate) fn home(self: &Arc<Self>, worker: WorkerId) -> Home {
        Home::new(Arc::clone(self), worker, self.admission().lane(worker))
    }

    /// A worker has started.
    pub(crate) fn enlist(self: &Arc<Self>, worker: WorkerId) {
        self.admission().enlist(worker);
        self.follow(self.clock.now(), worker);
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
        self.admission().stop(self.clock.now());
    }

    /// Turns away everything that still waits.
    pub(crate) fn clear_queue(&self) {
        let mut turned = Turned::new();
        self.admission().turn_away_all(self.clock.now(), &mut turned);
        refuse_all(turned);
    }

    /// Turns away what has waited too long; says whether anything waits still.
    pub(crate) fn shed_overdue(&self) -> bool {
        let mut turned = Turned::new();
        let mut admission = self.admission();
        admission.turn_away_overdue(self.clock.now(), &mut turned);
        let waiting = admission.is_waiting();
        drop(admission);
        refuse_all(turned);
        waiting
    }

    /// Whether nothing runs and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.admission().is_idle()
    }

    /// Returns once a request waits.
    pub(crate) async fn began_waiting(&self) {
        self.began_waiting.notified().await;
    }

    /// All counts at one moment.
    pub(crate) fn snapshot(&self) -> Tally {
        self.admission().tally(|| self.clock.now())
    }

    /// A request that found no free slot in the worker `home`, or that arrived while others wait.
    pub(super) fn enter(
        self: &Arc<Self>,
        now: Nanos,
        home: WorkerId,
        marks: Marks,
        request: &mut Request<Body>,
    ) -> Admitted {
        let mut reply = None;
        let mut turned = Turned::new();
        let job = || {
            let (sender, receiver) = oneshot::channel();
            reply = Some(receiver);
            Job { request: Box::new(mem::take(request)), reply: sender, waited: Nanos::default() }
        };
        let verdict = self.admission().arrive(now, home, marks, job, &mut turned);
        refuse_all(turned);
        let ticket = match verdict {
            Verdict::Here => return Admitted::Here,
            Verdict::Rejected(reason) => return Admitted::Rejected(reason),
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
        errand.map_or(Admitted::Rejected(Rejection::Abandoned), Admitted::Elsewhere)
    }

    /// So many requests may run in `worker`.
    pub(super) fn limit(self: &Arc<Self>, now: Nanos, worker: WorkerId, limit: u32) {
        self.admission().limit(worker, limit);
        self.follow(now, worker);
    }

    /// A slot that was sent a request is free again.
    pub(super) fn release(self: &Arc<Self>, now: Nanos, worker: WorkerId, held: Nanos) {
        self.admission().finish(now, worker, held);
        if self.notice.is_waiting() {
            self.follow(now, worker);
        }
    }

    /// Fills the free slots of a worker with what waits.
    pub(super) fn follow(self: &Arc<Self>, now: Nanos, worker: WorkerId) {
        loop {
            let mut turned = Turned::new();
            let mut admission = self.admission();
            admission.turn_away_overdue(now, &mut turned);
            let next = admission.take(now, worker, &mut turned);
            drop(admission);
            refuse_all(turned);
            let Some(Taken { mut job, waited }) = next else { return };
            job.waited = waited;
            self.dispatch(worker, now, job);
        }
    }

    fn dispatch(self: &Arc<Self>, worker: WorkerId, now: Nanos, job: Job) {
        // A worker ends only after its permits are back, so its mailbox is open; were it not, dropping the command
        // would free the slot and tell the connection.
        let permit = Permit::sent(Arc::clone(self), worker, now);
        drop(self.roster.send(worker, Command::Run(job, permit)));
    }

    fn admission(&self) -> MutexGuard<'_, Admission<Job>> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a request under the lock.
#[derive(Debug)]
pub(super) enum Admitted {
    Here,
    Elsewhere(Errand),
    Rejected(Rejection),
}

fn refuse_all(turned: Turned<Job>) {
    for (job, reason) in turned {
        job.refuse(reason);
    }
}

impl Job {
    fn refuse(self, reason: Rejection) {
        // The receiver is gone when the client is.
        drop(self.reply.send(Err(Refusal::Overloaded(reason))));
    }
}

impl Errand {
    /// Takes it back because its deadline has passed. Whether it was still waiting, and is now counted as rejected.
    pub(crate) fn expire(mut self) -> bool {
        self.withdraw(Rejection::DeadlineExpired)
    }

    fn withdraw(&mut self, reason: Rejection) -> bool {
        let Some(ticket) = self.ticket.take() else { return false };
        let withdrawn = self.gate.admission().withdraw(self.gate.clock.now(), ticket, reason);
        withdrawn.is_some()
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.withdraw(Rejection::Abandoned);
    }
}
