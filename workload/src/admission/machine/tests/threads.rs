//! What must hold between threads that take and give back slots without the lock.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use super::*;

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
