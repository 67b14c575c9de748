//! Admission over invented times: tables for the rules, random histories for what must hold after every step, and
//! threads for what must hold between them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::stats::Rejected;

const HOME: WorkerId = WorkerId(0);
const OTHER: WorkerId = WorkerId(1);
const NORMAL: Marks = Marks { class: Class::Normal, deadline: None, retry: false };

fn millis(count: u64) -> Nanos {
    Nanos(count * 1_000_000)
}

fn rules(slots: Option<u32>, queue_length: usize) -> Rules {
    Rules { slots_per_worker: slots, queue_length, delay: millis(50), objective: None }
}

fn admission(workers: usize, slots: Option<u32>, queue_length: usize) -> Admission<u64> {
    let mut admission = Admission::new(rules(slots, queue_length));
    for worker in 0..workers {
        admission.enlist(WorkerId(worker));
    }
    admission
}

#[test]
fn nobody_is_told_of_a_full_queue_before_there_is_one() {
    let admission = Admission::<u64>::new(rules(Some(1), 2));
    assert_eq!(admission.notice.outlook().refuses(Class::Normal), None);
}

fn arrive(admission: &mut Admission<u64>, at: Nanos, job: u64) -> Verdict<u64> {
    arrive_as(admission, at, NORMAL, job).0
}

fn arrive_as(
    admission: &mut Admission<u64>,
    at: Nanos,
    marks: Marks,
    job: u64,
) -> (Verdict<u64>, Turned<u64>) {
    let mut turned = Turned::new();
    (admission.arrive(at, HOME, marks, || job, &mut turned), turned)
}

/// What ran at home leaves its slot.
fn leave(admission: &mut Admission<u64>, held: Nanos) {
    admission.lane(HOME).give_back(held);
}

fn take(admission: &mut Admission<u64>, at: Nanos, worker: WorkerId) -> Option<Taken<u64>> {
    admission.take(at, worker, &mut Turned::new())
}

fn overdue(admission: &mut Admission<u64>, at: Nanos) -> Vec<u64> {
    let mut turned = Turned::new();
    admission.turn_away_overdue(at, &mut turned);
    turned.into_iter().map(|(job, _)| job).collect()
}

fn rejected(admission: &mut Admission<u64>) -> Rejected {
    admission.tally(|| millis(0)).rejected
}

#[test]
fn a_request_runs_at_home_then_elsewhere_then_waits_then_is_refused() {
    let mut admission = admission(2, Some(1), 1);
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    assert_eq!(arrive(&mut admission, millis(0), 2), Verdict::There(OTHER, 2));
    assert!(matches!(arrive(&mut admission, millis(0), 3), Verdict::Waits(_)));
    assert_eq!(arrive(&mut admission, millis(0), 4), Verdict::Rejected(Rejection::QueueFull));
}

#[test]
fn without_a_limit_everything_runs_at_home() {
    let mut admission = admission(2, None, 0);
    for job in 0..100 {
        assert_eq!(arrive(&mut admission, millis(job), job), Verdict::Here);
    }
}

#[test]
fn whoever_becomes_free_takes_the_first_that_waits() {
    let mut admission = admission(2, Some(1), 10);
    for job in 1..=4 {
        _ = arrive(&mut admission, millis(job), job);
    }
    admission.finish(millis(10), OTHER, millis(8));
    assert_eq!(take(&mut admission, millis(10), OTHER), Some(Taken { job: 3, waited: millis(7) }));
    assert_eq!(take(&mut admission, millis(10), OTHER), None);
}

#[test]
fn what_is_published_is_true_before_anything_has_waited() {
    let mut admission = admission(1, Some(2), 3);
    assert_eq!(admission.notice.outlook().refuses(Class::Normal), None);
    assert_eq!(admission.notice.outlook(), admission.outlook());
    admission.enlist(OTHER);
    assert_eq!(admission.notice.outlook().slots, 4);
    admission.retire(HOME);
    assert_eq!(admission.notice.outlook().slots, 2);
}

#[test]
fn a_measured_limit_holds_and_a_higher_one_frees_slots() {
    let mut admission = admission(1, None, 10);
    admission.limit(HOME, 1);
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    assert!(matches!(arrive(&mut admission, millis(0), 2), Verdict::Waits(_)));
    assert_eq!(admission.tally(|| millis(0)).adaptive_limit, Some(1));
    admission.limit(HOME, 2);
    assert_eq!(take(&mut admission, millis(1), HOME).map(|taken| taken.job), Some(2));
    admission.limit(HOME, u32::MAX);
    assert_eq!(admission.tally(|| millis(1)).adaptive_limit, None);
}

#[test]
fn no_measured_limit_is_above_the_slots_or_given_to_a_worker_that_retires() {
    let mut admission = admission(2, Some(3), 10);
    admission.limit(HOME, 5);
    admission.retire(OTHER);
    admission.limit(OTHER, 5);
    assert_eq!([HOME, OTHER].map(|worker| admission.lane(worker).slots().limit), [3, 0]);
}

#[test]
fn what_has_waited_too_long_is_turned_away_in_order() {
    let mut admission = admission(1, Some(1), 10);
    for at in [0, 0, 20, 40] {
        _ = arrive(&mut admission, millis(at), at);
    }
    assert!(overdue(&mut admission, millis(50)).is_empty());
    assert_eq!(overdue(&mut admission, millis(71)), [0, 20]);
    assert_eq!(rejected(&mut admission).delay_bound, 2);
}

#[test]
fn what_would_wait_too_long_is_refused_at_once() {
    let mut admission = admission(1, Some(1), 100);
    assert_eq!(arrive(&mut admission, millis(0), 0), Verdict::Here);
    leave(&mut admission, millis(20));
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    assert!(matches!(arrive(&mut admission, millis(0), 2), Verdict::Waits(_)));
    assert!(matches!(arrive(&mut admission, millis(0), 3), Verdict::Waits(_)));
    // The third in the queue would wait three times 20 ms.
    assert_eq!(arrive(&mut admission, millis(0), 4), Verdict::Rejected(Rejection::DelayBound));
}

#[test]
fn a_full_queue_makes_room_for_the_more_important() {
    let mut admission = admission(1, Some(1), 2);
    let of = |class| Marks { class, ..NORMAL };
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    for (job, class) in [(2, Class::Bulk), (3, Class::Bulk)] {
        assert!(matches!(arrive_as(&mut admission, millis(0), of(class), job).0, Verdict::Waits(_)));
    }
    let (verdict, turned) = arrive_as(&mut admission, millis(0), of(Class::High), 4);
    assert!(matches!(verdict, Verdict::Waits(_)));
    assert_eq!(turned, [(3, Rejection::Priority)]);
    let (verdict, _) = arrive_as(&mut admission, millis(0), of(Class::Bulk), 5);
    assert_eq!(verdict, Verdict::Rejected(Rejection::QueueFull));
    leave(&mut admission, millis(1));
    assert_eq!(take(&mut admission, millis(1), HOME).map(|taken| taken.job), Some(4));
    assert_eq!((rejected(&mut admission).priority, rejected(&mut admission).queue_full), (1, 1));
}

#[test]
fn what_can_no_longer_be_in_time_is_passed_over() {
    let mut admission = admission(1, Some(1), 10);
    let until = |deadline| Marks { deadline: Some(millis(deadline)), ..NORMAL };
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    for (job, deadline) in [(2, 30), (3, 34), (4, 36)] {
        _ = arrive_as(&mut admission, millis(0), until(deadline), job);
    }
    leave(&mut admission, millis(5));
    let mut turned = Turned::new();
    let taken = admission.take(millis(30), HOME, &mut turned);
    assert_eq!(taken, Some(Taken { job: 4, waited: millis(30) }));
    assert_eq!(turned, [(2, Rejection::DeadlineExpired), (3, Rejection::DeadlineExpired)]);
}

#[test]
fn a_slot_for_which_nobody_is_in_time_is_free() {
    let mut admission = admission(1, Some(1), 10);
    _ = arrive(&mut admission, millis(0), 1);
    _ = arrive_as(&mut admission, millis(0), Marks { deadline: Some(millis(1)), ..NORMAL }, 2);
    leave(&mut admission, millis(5));
    assert_eq!(take(&mut admission, millis(2), HOME), None);
    assert!(admission.is_idle());
}

#[test]
fn an_overload_serves_the_newest_first_until_the_queue_has_drained() {
    let mut admission = admission(1, Some(1), 100);
    assert_eq!(arrive(&mut admission, millis(0), 0), Verdict::Here);
    leave(&mut admission, millis(10));
    _ = arrive(&mut admission, millis(0), 0);
    for job in 1..=5 {
        _ = arrive(&mut admission, millis(0), job);
    }
    // A backlog of 50 ms for 100 ms, as nothing is turned away meanwhile.
    admission.finish(millis(100), HOME, millis(10));
    assert_eq!(take(&mut admission, millis(100), HOME).map(|taken| taken.job), Some(1));
    for job in 6..=9 {
        _ = arrive(&mut admission, millis(100 + job), job);
    }
    assert!(admission.tally(|| millis(110)).overloaded);
    admission.finish(millis(111), HOME, millis(10));
    let newest = take(&mut admission, millis(111), HOME).map(|taken| taken.job);
    assert!(newest > Some(4), "{newest:?}");
    assert!(!overdue(&mut admission, millis(500)).is_empty());
    assert!(!admission.tally(|| millis(500)).overloaded);
}

#[test]
fn a_client_that_leaves_gives_up_its_place() {
    let mut admission = admission(1, Some(1), 10);
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    let Verdict::Waits(ticket) = arrive(&mut admission, millis(1), 2) else { panic!("it must wait") };
    _ = arrive(&mut admission, millis(2), 3);
    assert_eq!(admission.withdraw(millis(3), ticket, Rejection::Abandoned), Some(2));
    assert_eq!(admission.withdraw(millis(3), ticket, Rejection::Abandoned), None);
    leave(&mut admission, millis(4));
    assert_eq!(take(&mut admission, millis(4), HOME).map(|taken| taken.job), Some(3));
    assert_eq!(rejected(&mut admission).deadline_expired, 1);
}

#[test]
fn a_retiring_worker_gets_nothing_and_its_number_is_free_when_it_has_ended() {
    let mut admission = admission(2, Some(1), 10);
    let mut arrive = |job| {
        let verdict = admission.arrive(millis(0), OTHER, NORMAL, || job, &mut Turned::new());
        if job == 1 {
            admission.retire(OTHER);
        }
        verdict
    };
    assert_eq!(arrive(1), Verdict::Here);
    assert_eq!(arrive(2), Verdict::There(HOME, 2));
    assert!(matches!(arrive(3), Verdict::Waits(_)));
    assert!(!admission.has_finished(OTHER));
    admission.lane(OTHER).give_back(millis(5));
    assert_eq!(take(&mut admission, millis(5), OTHER), None);
    assert!(admission.has_finished(OTHER));
    assert_eq!(admission.free_number(), WorkerId(2));
    admission.dismiss(OTHER);
    assert_eq!(admission.free_number(), OTHER);
}

#[test]
fn a_stopping_server_says_so() {
    let mut admission = admission(1, Some(1), 1);
    admission.stop(millis(0));
    _ = arrive(&mut admission, millis(0), 1);
    _ = arrive(&mut admission, millis(0), 2);
    assert_eq!(arrive(&mut admission, millis(0), 3), Verdict::Rejected(Rejection::Draining));
    let mut turned = Turned::new();
    admission.turn_away_all(millis(0), &mut turned);
    assert_eq!(turned, [(2, Rejection::Draining)]);
    assert_eq!(rejected(&mut admission).draining, 2);
}

#[test]
fn integrals_are_exact() {
    let mut admission = admission(1, Some(2), 10);
    // Two run from 0 s, one waits from 1 s to 3 s and runs to 4 s.
    let lane = admission.lane(HOME);
    for at in [0, 0, 1000] {
        if arrive(&mut admission, millis(at), at) == Verdict::Here {
            lane.meter.admit(millis(at));
        }
    }
    lane.meter.finish(millis(0), millis(3000));
    leave(&mut admission, millis(3000));
    assert!(take(&mut admission, millis(3000), HOME).is_some());
    admission.finish(millis(4000), HOME, millis(1000));
    let tally = admission.tally(|| millis(5000));
    assert_eq!(tally.in_flight_seconds, 4.0 * 2.0 + 1.0);
    assert_eq!(tally.queued_seconds, 2.0);
    assert_eq!(tally.occupied_seconds, Some(vec![4.5]));
}

/// One thing that happens to admission.
#[derive(Debug, Clone, Copy)]
enum Step {
    Arrive { home: usize, class: usize, patience: Option<u64> },
    Finish { which: usize },
    Withdraw { which: usize },
    Shed,
    Limit { which: usize, limit: u32 },
    Enlist,
    Retire { which: usize },
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let any = any::<usize>;
    let arrive = (any(), 0..Class::COUNT, prop::option::of(0..50_000_000u64));
    let step = prop_oneof![
        8 => arrive.prop_map(|(home, class, patience)| Step::Arrive { home, class, patience }),
        6 => any().prop_map(|which| Step::Finish { which }),
        1 => any().prop_map(|which| Step::Withdraw { which }),
        1 => Just(Step::Shed),
        1 => (any(), 1..4u32).prop_map(|(which, limit)| Step::Limit { which, limit }),
        1 => Just(Step::Enlist),
        1 => any().prop_map(|which| Step::Retire { which }),
    ];
    (0..20_000_000u64, step)
}

/// Admission as the gate drives it, with what it must agree with.
struct Played {
    admission: Admission<u64>,
    now: Nanos,
    /// Worker, start, and whether the worker that read it runs it.
    running: Vec<(WorkerId, Nanos, bool)>,
    waiting: Vec<(Ticket, u64)>,
    arrived: u64,
    turned: u64,
}

impl Played {
    fn new(slots: Option<u32>) -> Self {
        let admission = admission(1, slots, 8);
        Self { admission, now: Nanos(0), running: vec![], waiting: vec![], arrived: 0, turned: 0 }
    }

    fn play(&mut self, step: Step) {
        let live: Vec<WorkerId> = self.admission.live().collect();
        let mut turned = Turned::new();
        match step {
            Step::Arrive { home, class, patience } => {
                let deadline = patience.map(|patience| self.now + Nanos(patience));
                let marks = Marks { class: Class::ALL[class], deadline, retry: false };
                self.arrive(home, marks, &mut turned);
            }
            Step::Finish { which } if !self.running.is_empty() => {
                let (worker, since, home) = self.running.swap_remove(which % self.running.len());
                if home {
                    self.admission.lane(worker).meter.finish(since, self.now);
                    self.admission.lane(worker).give_back(self.now - since);
                } else {
                    self.admission.finish(self.now, worker, self.now - since);
                }
                self.take_all(worker, &mut turned);
            }
            Step::Withdraw { which } if !self.waiting.is_empty() => {
                let (ticket, job) = self.waiting.remove(which % self.waiting.len());
                let withdrawn = self.admission.withdraw(self.now, ticket, Rejection::Abandoned);
                assert_eq!(withdrawn, Some(job));
                self.turned += 1;
            }
            Step::Shed => self.admission.turn_away_overdue(self.now, &mut turned),
            Step::Limit { which, limit } => {
                let worker = live[which % live.len()];
                self.admission.limit(worker, limit);
                self.take_all(worker, &mut turned);
            }
            Step::Enlist if live.len() < 6 => {
                let worker = self.admission.free_number();
                self.admission.enlist(worker);
                self.take_all(worker, &mut turned);
            }
            Step::Retire { which } => self.retire(&live, which),
            Step::Finish { .. } | Step::Withdraw { .. } | Step::Enlist => {}
        }
        self.forget(turned);
    }

    fn arrive(&mut self, home: usize, marks: Marks, turned: &mut Turned<u64>) {
        let home = WorkerId(home % self.admission.posts.len());
        let (job, lane) = (self.arrived, self.admission.lane(home));
        self.arrived += 1;
        let verdict = if !self.admission.notice.is_waiting() && lane.take() {
            Verdict::Here
        } else {
            self.admission.arrive(self.now, home, marks, || job, turned)
        };
        match verdict {
            Verdict::Here => {
                lane.meter.admit(self.now);
                self.running.push((home, self.now, true));
            }
            Verdict::There(worker, _) => self.running.push((worker, self.now, false)),
            Verdict::Waits(ticket) => self.waiting.push((ticket, job)),
            Verdict::Rejected(_) => self.turned += 1,
        }
    }

    fn take_all(&mut self, worker: WorkerId, turned: &mut Turned<u64>) {
        while let Some(taken) = self.admission.take(self.now, worker, turned) {
            self.waiting.retain(|(_, job)| *job != taken.job);
            self.running.push((worker, self.now, false));
        }
    }

    fn forget(&mut self, turned: Turned<u64>) {
        for (job, _) in turned {
            let before = self.waiting.len();
            self.waiting.retain(|(_, waiting)| *waiting != job);
            assert_eq!(self.waiting.len() + 1, before, "turned away what did not wait");
            self.turned += 1;
        }
    }

    fn retire(&mut self, live: &[WorkerId], which: usize) {
        if live.len() > 1 {
            self.admission.retire(live[which % live.len()]);
        }
        for number in 0..self.admission.posts.len() {
            let retiring = self.admission.posts[number].role == Role::Retiring;
            if retiring && self.admission.has_finished(WorkerId(number)) {
                self.admission.dismiss(WorkerId(number));
            }
        }
    }

    fn check(&mut self) {
        let tally = self.admission.tally(|| self.now);
        assert_eq!(tally.arrivals, self.arrived);
        assert_eq!(tally.arrivals, tally.admitted + tally.rejected.total() + tally.queued);
        assert_eq!(tally.rejected.total(), self.turned);
        assert_eq!(tally.queued, self.waiting.len() as u64);
        assert_eq!(tally.in_flight, self.running.len() as u64);
        let admission = &self.admission;
        let idle = admission.live_lanes().any(|lane| lane.slots().are_free());
        assert!(self.waiting.is_empty() || !idle, "a slot is free while a request waits");
        assert_eq!(admission.notice.is_waiting(), !self.waiting.is_empty());
        let most = admission.posts.iter().map(|post| post.lane.slots().held).max();
        assert!(most <= Some(admission.rules.most_slots()), "more run than there are slots");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_slot_idles_while_a_request_waits_and_every_arrival_is_counted_once(
        slots in prop::option::of(1u32..4),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut played = Played::new(slots);
        for (pause, step) in steps {
            played.now = played.now + Nanos(pause);
            played.play(step);
            played.check();
        }
    }
}

/// What the threads of the test below share: what the gate is to the workers.
struct Shared {
    admission: Mutex<Admission<u64>>,
    notice: Arc<Notice>,
    lanes: [Arc<Lane>; 2],
    running: Mutex<Vec<WorkerId>>,
    /// Tickets end up here or in `running`.
    answered: AtomicU64,
}

impl Shared {
    fn arrive(&self, home: usize) {
        if !self.notice.is_waiting() && self.lanes[home].take() {
            self.lanes[home].meter.admit(Nanos(0));
            self.lanes[home].meter.finish(Nanos(0), Nanos(0));
            self.release(home);
            return;
        }
        let (worker, mut turned) = (WorkerId(home), Turned::new());
        let verdict = self.admission.lock().unwrap().arrive(Nanos(0), worker, NORMAL, || 0, &mut turned);
        match verdict {
            Verdict::Here => {
                self.lanes[home].meter.admit(Nanos(0));
                self.lanes[home].meter.finish(Nanos(0), Nanos(0));
                self.release(home);
            }
            Verdict::There(worker, _) => self.running.lock().unwrap().push(worker),
            Verdict::Waits(_) => {}
            Verdict::Rejected(reason) => panic!("there is room for all: {reason:?}"),
        }
    }

    fn finish_one(&self) {
        let sent = self.running.lock().unwrap().pop();
        if let Some(worker) = sent {
            self.admission.lock().unwrap().finish(Nanos(0), worker, Nanos(0));
            self.answered.fetch_add(1, Relaxed);
            self.follow(worker);
        }
    }

    fn release(&self, home: usize) {
        self.answered.fetch_add(1, Relaxed);
        self.lanes[home].give_back(Nanos(0));
        if self.notice.is_waiting() {
            self.follow(WorkerId(home));
        }
    }

    fn follow(&self, worker: WorkerId) {
        loop {
            let taken = self.admission.lock().unwrap().take(Nanos(0), worker, &mut Turned::new());
            match taken {
                Some(_) => self.running.lock().unwrap().push(worker),
                None => return,
            }
        }
    }
}

#[test]
fn no_request_is_forgotten_when_slots_are_given_back_while_others_begin_to_wait() {
    const EACH: u64 = 30_000;
    let mut admission = admission(2, Some(1), usize::MAX);
    let lanes = [admission.lane(HOME), admission.lane(OTHER)];
    let shared = Shared {
        notice: Arc::clone(&admission.notice),
        admission: Mutex::new(admission),
        lanes,
        running: Mutex::default(),
        answered: AtomicU64::new(0),
    };
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers = [0, 1].map(|home| {
            let shared = &shared;
            scope.spawn(move || {
                for _ in 0..EACH {
                    shared.arrive(home);
                    shared.finish_one();
                }
            })
        });
        scope.spawn(|| {
            let mut last = 0;
            while !ended.load(Relaxed) {
                let tally = shared.admission.lock().unwrap().tally(|| Nanos(0));
                assert_eq!(tally.arrivals, tally.admitted + tally.queued);
                assert!(tally.arrivals >= last, "a counter went back");
                last = tally.arrivals;
                thread::yield_now();
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        ended.store(true, Relaxed);
    });
    // Nothing but what is still running can make anything that waits run.
    while !shared.running.lock().unwrap().is_empty() {
        shared.finish_one();
    }
    assert_eq!(shared.answered.load(Relaxed), 2 * EACH);
    assert!(shared.admission.lock().unwrap().is_idle());
}
