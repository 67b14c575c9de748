//! Admission over invented times: tables for the rules, and random histories for what must hold after every step.

use proptest::prelude::*;

use super::*;

const HOME: WorkerId = WorkerId(0);
const OTHER: WorkerId = WorkerId(1);

fn millis(count: u64) -> Nanos {
    Nanos(count * 1_000_000)
}

fn admission(workers: usize, slots: Option<u32>, queue_length: usize) -> Admission<u64> {
    let rules = Rules { slots_per_worker: slots, queue_length, delay_bound: millis(50) };
    let mut admission = Admission::new(rules);
    for worker in 0..workers {
        admission.enlist(WorkerId(worker));
    }
    admission
}

fn arrive(admission: &mut Admission<u64>, at: Nanos, job: u64) -> Verdict<u64> {
    admission.arrive(at, HOME, || job)
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
    assert_eq!(admission.take(millis(10), OTHER), Some(Taken { job: 3, waited: millis(7) }));
    assert_eq!(admission.take(millis(10), OTHER), None);
}

#[test]
fn what_has_waited_too_long_is_turned_away_in_order() {
    let mut admission = admission(1, Some(1), 10);
    for at in [0, 0, 20, 40] {
        _ = arrive(&mut admission, millis(at), at);
    }
    assert_eq!(admission.take_overdue(millis(50)), None);
    assert_eq!(admission.take_overdue(millis(71)), Some(0));
    assert_eq!(admission.take_overdue(millis(71)), Some(20));
    assert_eq!(admission.take_overdue(millis(71)), None);
    assert_eq!(admission.tally.rejected.delay_bound, 2);
}

#[test]
fn what_would_wait_too_long_is_refused_at_once() {
    let mut admission = admission(1, Some(1), 100);
    for _ in 0..100 {
        assert_eq!(arrive(&mut admission, millis(0), 0), Verdict::Here);
        admission.finish(millis(0), HOME, millis(20));
    }
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    assert!(matches!(arrive(&mut admission, millis(0), 2), Verdict::Waits(_)));
    assert!(matches!(arrive(&mut admission, millis(0), 3), Verdict::Waits(_)));
    // The third in the queue would wait three times 20 ms.
    assert_eq!(arrive(&mut admission, millis(0), 4), Verdict::Rejected(Rejection::DelayBound));
}

#[test]
fn a_client_that_leaves_gives_up_its_place() {
    let mut admission = admission(1, Some(1), 10);
    assert_eq!(arrive(&mut admission, millis(0), 1), Verdict::Here);
    let Verdict::Waits(ticket) = arrive(&mut admission, millis(1), 2) else { panic!("it must wait") };
    _ = arrive(&mut admission, millis(2), 3);
    assert_eq!(admission.abandon(millis(3), ticket), Some(2));
    assert_eq!(admission.abandon(millis(3), ticket), None);
    admission.finish(millis(4), HOME, millis(4));
    assert_eq!(admission.take(millis(4), HOME).map(|taken| taken.job), Some(3));
    assert_eq!(admission.tally.rejected.deadline_expired, 1);
}

#[test]
fn a_retiring_worker_gets_nothing_and_its_number_is_free_when_it_has_ended() {
    let mut admission = admission(2, Some(1), 10);
    assert_eq!(admission.arrive(millis(0), OTHER, || 1), Verdict::Here);
    admission.retire(OTHER);
    assert_eq!(admission.arrive(millis(0), OTHER, || 2), Verdict::There(HOME, 2));
    _ = admission.arrive(millis(0), OTHER, || 3);
    assert!(!admission.has_finished(OTHER));
    admission.finish(millis(5), OTHER, millis(5));
    assert_eq!(admission.take(millis(5), OTHER), None);
    assert!(admission.has_finished(OTHER));
    assert_eq!(admission.free_number(), WorkerId(2));
    admission.dismiss(OTHER);
    assert_eq!(admission.free_number(), OTHER);
}

#[test]
fn a_stopping_server_says_so() {
    let mut admission = admission(1, Some(1), 1);
    admission.stop();
    _ = arrive(&mut admission, millis(0), 1);
    _ = arrive(&mut admission, millis(0), 2);
    assert_eq!(arrive(&mut admission, millis(0), 3), Verdict::Rejected(Rejection::Draining));
    assert_eq!(admission.take_draining(millis(0)), Some(2));
    assert_eq!(admission.tally.rejected.draining, 2);
}

#[test]
fn integrals_are_exact() {
    let mut admission = admission(1, Some(2), 10);
    // Two run from 0 s, one waits from 1 s to 3 s and runs to 4 s.
    for at in [0, 0, 1000] {
        _ = arrive(&mut admission, millis(at), at);
    }
    admission.finish(millis(3000), HOME, millis(3000));
    assert!(admission.take(millis(3000), HOME).is_some());
    admission.finish(millis(4000), HOME, millis(1000));
    let tally = &admission.tally;
    assert_eq!(tally.in_flight.seconds(millis(5000)), 4.0 * 2.0 + 1.0);
    assert_eq!(tally.queued.seconds(millis(5000)), 2.0);
    assert_eq!(admission.occupied_seconds(millis(5000)), Some(vec![4.5]));
}

/// One thing that happens to admission.
#[derive(Debug, Clone, Copy)]
enum Step {
    Arrive { home: usize },
    Malformed,
    Finish { which: usize },
    Abandon { which: usize },
    Shed,
    Enlist,
    Retire { which: usize },
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let any = any::<usize>;
    let step = prop_oneof![
        8 => any().prop_map(|home| Step::Arrive { home }),
        1 => Just(Step::Malformed),
        6 => any().prop_map(|which| Step::Finish { which }),
        1 => any().prop_map(|which| Step::Abandon { which }),
        1 => Just(Step::Shed),
        1 => Just(Step::Enlist),
        1 => any().prop_map(|which| Step::Retire { which }),
    ];
    (0..20_000_000u64, step)
}

/// Admission as the gate drives it, with what it must agree with.
struct Played {
    admission: Admission<u64>,
    now: Nanos,
    running: Vec<(WorkerId, Nanos)>,
    waiting: Vec<(Ticket, u64)>,
    arrived: u64,
}

impl Played {
    fn new(slots: Option<u32>) -> Self {
        let admission = admission(1, slots, 8);
        Self { admission, now: Nanos(0), running: Vec::new(), waiting: Vec::new(), arrived: 0 }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Arrive { home } => self.arrive(home),
            Step::Malformed => {
                self.arrived += 1;
                self.admission.arrive_malformed();
            }
            Step::Finish { which } if !self.running.is_empty() => {
                let (worker, since) = self.running.swap_remove(which % self.running.len());
                self.admission.finish(self.now, worker, self.now - since);
                self.take_all(worker);
            }
            Step::Abandon { which } if !self.waiting.is_empty() => {
                let (ticket, job) = self.waiting.remove(which % self.waiting.len());
                assert_eq!(self.admission.abandon(self.now, ticket), Some(job));
            }
            Step::Shed => {
                while let Some(job) = self.admission.take_overdue(self.now) {
                    assert_eq!(self.waiting.remove(0).1, job);
                }
            }
            Step::Enlist => {
                let worker = self.admission.free_number();
                if worker.0 < 6 {
                    self.admission.enlist(worker);
                    self.take_all(worker);
                }
            }
            Step::Retire { which } => self.retire(which),
            Step::Finish { .. } | Step::Abandon { .. } => {}
        }
    }

    fn arrive(&mut self, home: usize) {
        let home = WorkerId(home % self.admission.workers.len());
        let job = self.arrived;
        self.arrived += 1;
        match self.admission.arrive(self.now, home, || job) {
            Verdict::Here => self.running.push((home, self.now)),
            Verdict::There(worker, _) => self.running.push((worker, self.now)),
            Verdict::Waits(ticket) => self.waiting.push((ticket, job)),
            Verdict::Rejected(_) => {}
        }
    }

    fn take_all(&mut self, worker: WorkerId) {
        while let Some(taken) = self.admission.take(self.now, worker) {
            assert_eq!(self.waiting.remove(0).1, taken.job, "first come, first served");
            self.running.push((worker, self.now));
        }
    }

    fn retire(&mut self, which: usize) {
        let live: Vec<WorkerId> = self.admission.live().collect();
        if live.len() > 1 {
            self.admission.retire(live[which % live.len()]);
        }
        for number in 0..self.admission.workers.len() {
            let retiring = self.admission.workers[number].role == Role::Retiring;
            if retiring && self.admission.has_finished(WorkerId(number)) {
                self.admission.dismiss(WorkerId(number));
            }
        }
    }

    fn check(&self, slots: Option<u32>) {
        let (admission, tally) = (&self.admission, &self.admission.tally);
        assert_eq!(tally.arrivals, self.arrived);
        assert_eq!(tally.arrivals, tally.admitted + tally.rejected.total() + tally.queued.level());
        assert_eq!(tally.queued.level(), self.waiting.len() as u64);
        assert_eq!(tally.in_flight.level(), self.running.len() as u64);
        let idle = admission.live().any(|worker| admission.has_room(worker));
        assert!(self.waiting.is_empty() || !idle, "a slot is free while a request waits");
        let most = admission.workers.iter().map(|worker| worker.held.level()).max();
        assert!(slots.is_none_or(|slots| most <= Some(u64::from(slots))), "more run than there are slots");
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
            played.check(slots);
        }
    }
}
