//! The rules of admission, as plain code: who runs where, who waits, who is turned away.
//!
//! Work conserving: while a request waits, every slot of every live worker is taken. Slots are taken and given back
//! without the lock this is kept under; so before it looks for a free one it raises a flag that whoever gives a slot
//! back looks at afterwards, and no slot becomes free unseen.

use std::sync::Arc;

use super::class::Class;
use super::lane::Lane;
use super::notice::Notice;
use super::outlook::Outlook;
use super::patience::{Pace, Patience, Wishes};
use super::post::{Post, Role};
use super::queue::{Queue, Ticket, Waiting};
use super::tally::{Rejection, Tally};
use crate::clock::Nanos;

/// Number of a worker. A number is used again once its worker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct WorkerId(pub(crate) usize);

/// The bounds of admission.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Requests one worker may run at the same time; `None` for no limit but what is measured.
    pub(crate) slots_per_worker: Option<u32>,
    pub(crate) queue_length: usize,
    /// The longest wait that is allowed.
    pub(crate) delay: Nanos,
    /// The tightest latency objective.
    pub(crate) objective: Option<Nanos>,
}

/// What admission needs to know of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) class: Class,
    /// When nobody needs its answer any more.
    pub(crate) deadline: Option<Nanos>,
    /// Whether the client has sent it before.
    pub(crate) retry: bool,
}

/// The state of admission over all workers; `J` is what waits.
#[derive(Debug)]
pub(crate) struct Admission<J> {
    rules: Rules,
    posts: Vec<Post>,
    queue: Queue<J>,
    patience: Patience,
    stopping: Stopping,
    pub(super) notice: Arc<Notice>,
    /// Of those that run in another worker than the one that read them, or have waited.
    admitted: u64,
    /// Of those that had to wait or found no place to.
    rejected: [u64; Rejection::COUNT],
}

/// What becomes of an arrival.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<J> {
    /// It has a slot of the worker that read it.
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

/// What is turned away on the way, and why.
pub(crate) type Turned<J> = Vec<(J, Rejection)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    No,
    Yes,
}

impl<J> Admission<J> {
    pub(crate) fn new(rules: Rules) -> Self {
        let admission = Self {
            rules,
            posts: Vec::new(),
            queue: Queue::new(),
            patience: Patience::new(Wishes { delay: rules.delay, objective: rules.objective }),
            stopping: Stopping::No,
            notice: Arc::default(),
            admitted: 0,
            rejected: [0; Rejection::COUNT],
        };
        // Before anybody looks: a queue of no length would be full.
        admission.publish();
        admission
    }

    /// The slots of a worker; none until it is enlisted.
    pub(super) fn lane(&mut self, worker: WorkerId) -> Arc<Lane> {
        while self.posts.len() <= worker.0 {
            let lane = Arc::new(Lane::default());
            self.posts.push(Post::new(lane));
        }
        Arc::clone(&self.posts[worker.0].lane)
    }

    /// A request read in the worker `home` found no free slot there, or others wait; `job` is made of it unless it can
    /// run there at once.
    pub(crate) fn arrive(
        &mut self,
        now: Nanos,
        home: WorkerId,
        marks: Marks,
        job: impl FnOnce() -> J,
        turned: &mut Turned<J>,
    ) -> Verdict<J> {
        // Before any lane is looked at: a slot given back from now on goes to whoever waits.
        self.notice.set_waiting(true);
        let verdict = self.place(now, home, marks, job, turned);
        self.settle(now);
        verdict
    }

    /// A slot of `worker` may be free: the next waiting request for it.
    pub(crate) fn take(&mut self, now: Nanos, worker: WorkerId, turned: &mut Turned<J>) -> Option<Taken<J>> {
        if self.queue.is_empty() || !self.posts[worker.0].lane.take() {
            return None;
        }
        let next = self.next(now, turned);
        match &next {
            Some(_) => self.occupy(worker, now),
            None => drop(self.posts[worker.0].lane.untake()),
        }
        self.settle(now);
        next
    }

    /// A request that was sent to `worker` has left its slot after `held`.
    pub(crate) fn finish(&mut self, now: Nanos, worker: WorkerId, held: Nanos) {
        let post = &mut self.posts[worker.0];
        post.sent.lower(now);
        post.lane.give_back(held);
    }

    /// Turns away what has waited longer than the bound.
    pub(crate) fn turn_away_overdue(&mut self, now: Nanos, turned: &mut Turned<J>) {
        let longest = self.patience.longest(self.pace());
        let before = turned.len();
        while let Some(overdue) = self.queue.pop_older(now, now - longest) {
            turned.push((overdue.job, self.count(Rejection::DelayBound)));
        }
        if turned.len() > before {
            self.settle(now);
        }
    }

    /// Turns away all that wait, because the server ends.
    pub(crate) fn turn_away_all(&mut self, now: Nanos, turned: &mut Turned<J>) {
        while let Some(waiting) = self.queue.pop(now, self.patience.order()) {
            turned.push((waiting.job, self.count(Rejection::Draining)));
        }
        self.settle(now);
    }

    /// A waiting request is withdrawn: its client has left, or its deadline has passed.
    pub(crate) fn withdraw(&mut self, now: Nanos, ticket: Ticket, reason: Rejection) -> Option<J> {
        let waiting = self.queue.remove(now, ticket)?;
        self.rejected[reason.index()] += 1;
        self.settle(now);
        Some(waiting.job)
    }

    /// A worker begins: its slots are free from now on. The caller then takes what waits.
    pub(crate) fn enlist(&mut self, worker: WorkerId) {
        let limit = self.rules.most_slots();
        self.lane(worker).set_limit(limit);
        self.posts[worker.0].role = Role::Live;
        self.publish();
    }

    /// A worker gets nothing more.
    pub(crate) fn retire(&mut self, worker: WorkerId) {
        self.posts[worker.0].role = Role::Retiring;
        self.posts[worker.0].lane.set_limit(0);
        self.publish();
    }

    /// So many requests may run in a worker, but not more than there are slots. The caller then takes what waits.
    pub(crate) fn limit(&mut self, worker: WorkerId, limit: u32) {
        let post = &self.posts[worker.0];
        if post.role == Role::Live {
            post.lane.set_limit(limit.min(self.rules.most_slots()));
        }
        self.publish();
    }

    /// Whether a worker has nothing left to finish.
    pub(crate) fn has_finished(&self, worker: WorkerId) -> bool {
        self.posts[worker.0].lane.slots().held == 0
    }

    /// A worker has ended; its number is free.
    pub(crate) fn dismiss(&mut self, worker: WorkerId) {
        self.posts[worker.0].role = Role::Gone;
    }

    /// From now on what finds no room is refused because the server stops.
    pub(crate) fn stop(&mut self, now: Nanos) {
        self.stopping = Stopping::Yes;
        self.settle(now);
    }

    /// Whether requests wait.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether nothing runs and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.posts.iter().all(|post| post.lane.slots().held == 0)
    }

    /// The lowest number that no worker has.
    pub(crate) fn free_number(&self) -> WorkerId {
        let gone = self.posts.iter().position(|post| post.role == Role::Gone);
        WorkerId(gone.unwrap_or(self.posts.len()))
    }

    /// Numbers of the live workers, ascending.
    pub(crate) fn live(&self) -> impl DoubleEndedIterator<Item = WorkerId> {
        let numbers = self.posts.iter().enumerate().filter(|(_, post)| post.role == Role::Live);
        numbers.map(|(number, _)| WorkerId(number))
    }

    /// All counts. Each request is counted in one place at any moment, in its worker's meter or here, so they add up.
    pub(crate) fn tally(&mut self, clock: impl FnOnce() -> Nanos) -> Tally {
        let readings: Vec<_> = self.posts.iter().map(|post| post.lane.meter.read()).collect();
        // After all that was read has happened.
        let now = clock();
        let mut tally =
            Tally { at: now, admitted: self.admitted, queued: self.queue.len(), ..Tally::default() };
        Rejection::add_all(&self.rejected, &mut tally.rejected);
        let mut areas = Vec::with_capacity(readings.len());
        for (post, reading) in self.posts.iter_mut().zip(readings) {
            tally.admitted += reading.admitted;
            tally.retries += reading.retries;
            tally.in_flight += reading.running() + post.sent.level();
            Rejection::add_all(&reading.rejected, &mut tally.rejected);
            // What ended between the reading and `now` counts up to `now`: less than that is never said again.
            post.reported = post.reported.max(reading.area(now) + post.sent.area(now));
            areas.push(post.reported as f64 * 1e-9);
        }
        tally.arrivals = tally.admitted + tally.rejected.total() + tally.queued;
        tally.queued_seconds = self.queue.seconds(now);
        tally.in_flight_seconds = areas.iter().sum();
        let slots = self.rules.slots_per_worker;
        tally.occupied_seconds =
            slots.map(|slots| areas.into_iter().map(|area| area / f64::from(slots)).collect());
        tally.adaptive_limit = self.measured_limit();
        tally.delay_bound = self.patience.longest(self.pace());
        tally.overloaded = self.patience.is_overloaded();
        tally
    }

    fn place(
        &mut self,
        now: Nanos,
        home: WorkerId,
        marks: Marks,
        job: impl FnOnce() -> J,
        turned: &mut Turned<J>,
    ) -> Verdict<J> {
        // What becomes free while somebody waits is theirs.
        if self.queue.is_empty()
            && let Some(worker) = self.take_slot(home)
        {
            if worker == home {
                return Verdict::Here;
            }
            self.occupy(worker, now);
            return Verdict::There(worker, job());
        }
        if let Some(reason) = self.outlook().refuses(marks.class) {
            self.rejected[reason.index()] += 1;
            return Verdict::Rejected(reason);
        }
        if self.queue.len() >= self.rules.queue_length as u64
            && let Some(less) = self.queue.pop_less_important(now, marks.class)
        {
            turned.push((less.job, self.count(Rejection::Priority)));
        }
        Verdict::Waits(self.queue.push(now, marks.class, marks.deadline, job()))
    }

    /// Takes a slot of the worker `home`, else of the one that runs the fewest requests.
    fn take_slot(&self, home: WorkerId) -> Option<WorkerId> {
        if self.posts[home.0].lane.take() {
            return Some(home);
        }
        loop {
            let slots = |worker: &WorkerId| self.posts[worker.0].lane.slots();
            let free = self.live().filter(|worker| slots(worker).are_free());
            let worker = free.min_by_key(|worker| slots(worker).held)?;
            if self.posts[worker.0].lane.take() {
                return Some(worker);
            }
        }
    }

    /// The next that can still be in time.
    fn next(&mut self, now: Nanos, turned: &mut Turned<J>) -> Option<Taken<J>> {
        let needs = self.pace().mean;
        loop {
            let Waiting { since, deadline, job, .. } = self.queue.pop(now, self.patience.order())?;
            if deadline.is_none_or(|deadline| deadline > now + needs) {
                return Some(Taken { job, waited: now - since });
            }
            turned.push((job, self.count(Rejection::DeadlineExpired)));
        }
    }

    fn occupy(&mut self, worker: WorkerId, now: Nanos) {
        self.posts[worker.0].sent.raise(now);
        self.admitted += 1;
    }

    /// The queue has changed: draws the conclusions and tells everybody.
    fn settle(&mut self, now: Nanos) {
        self.patience.observe(now, self.outlook().backlog(), self.pace());
        self.publish();
        self.notice.set_waiting(!self.queue.is_empty());
    }

    fn publish(&self) {
        self.notice.publish(&self.outlook());
    }

    fn outlook(&self) -> Outlook {
        let pace = self.pace();
        Outlook {
            waiting: self.queue.by_class(),
            length: u32::try_from(self.rules.queue_length).unwrap_or(u32::MAX),
            slots: self.live_lanes().map(|lane| u64::from(lane.slots().limit)).sum(),
            hold: pace.mean,
            bound: self.patience.expected(pace),
            stopping: self.stopping == Stopping::Yes,
        }
    }

    /// How long handlers take, in the slowest worker: all are told the same.
    fn pace(&self) -> Pace {
        let mean = self.live_lanes().map(Lane::mean_hold).max();
        let most = self.live_lanes().map(Lane::most).max();
        let slow = self.live_lanes().map(Lane::slow).max();
        Pace {
            mean: mean.unwrap_or_default(),
            most: most.unwrap_or_default(),
            slow: slow.unwrap_or_default(),
        }
    }

    fn live_lanes(&self) -> impl Iterator<Item = &Lane> {
        self.posts.iter().filter(|post| post.role == Role::Live).map(|post| &*post.lane)
    }

    fn measured_limit(&self) -> Option<u32> {
        let most = self.rules.most_slots();
        let is_measured = self.live_lanes().any(|lane| lane.slots().limit < most);
        let sum = || self.live_lanes().fold(0u32, |sum, lane| sum.saturating_add(lane.slots().limit));
        is_measured.then(sum)
    }

    /// Counts one that is turned away; once the server stops, that is the reason for all for which there is no room.
    fn count(&mut self, reason: Rejection) -> Rejection {
        let for_room = matches!(reason, Rejection::QueueFull | Rejection::DelayBound);
        let stops = self.stopping == Stopping::Yes && for_room;
        let reason = if stops { Rejection::Draining } else { reason };
        self.rejected[reason.index()] += 1;
        reason
    }
}

impl Rules {
    fn most_slots(&self) -> u32 {
        self.slots_per_worker.unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
