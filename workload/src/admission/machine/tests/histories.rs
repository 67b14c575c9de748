//! Random histories, and what must hold after each step of them.

use proptest::prelude::*;

use super::*;

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
