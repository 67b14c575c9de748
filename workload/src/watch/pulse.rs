//! Whether a worker's loop comes round: it answers a question each time, and is not asked while it sleeps, so that
//! neither a request nor an idle worker pays for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::process::Pid;

use crate::admission::WorkerId;
use crate::clock::Nanos;

/// A loop that takes longer than this to come round has stalled: sockets are not read meanwhile.
const STALL: Nanos = Nanos(10_000_000);

/// The pulses of all worker numbers.
#[derive(Debug, Default)]
pub(crate) struct Pulses(RwLock<Vec<Arc<Pulse>>>);

/// The pulse of one worker number, over all threads that have had it.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    asleep: AtomicBool,
    /// When the last question was answered.
    answered: AtomicU64,
    stalls: AtomicU64,
    nanos: AtomicU64,
    longest: AtomicU64,
    stalled: AtomicBool,
}

/// What is known about a worker's stalls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stalls {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    pub(crate) longest_seconds: f64,
    /// Whether it has stalled just now.
    pub(crate) now: bool,
}

/// A question to the thread of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    thread: Pid,
    asked: Nanos,
    counted: Counted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Not,
    AsStall,
}

/// What follows from a look at a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Leave it alone.
    Rest,
    /// Wait for the answer.
    Wait(Question),
    /// Ask it.
    Ask(Question),
}

impl Pulses {
    /// The pulse of a worker number, made when it is first used.
    pub(crate) fn of(&self, worker: WorkerId) -> Arc<Pulse> {
        let mut pulses = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if pulses.len() <= worker.0 {
            pulses.resize_with(worker.0 + 1, Arc::default);
        }
        Arc::clone(&pulses[worker.0])
    }

    /// Of each worker number.
    pub(crate) fn stalls(&self) -> Vec<Stalls> {
        let pulses = self.0.read().unwrap_or_else(PoisonError::into_inner);
        pulses.iter().map(|pulse| pulse.stalls()).collect()
    }
}

impl Pulse {
    /// The worker waits for something to do, or has something.
    pub(crate) fn sleeps(&self, asleep: bool) {
        self.asleep.store(asleep, Relaxed);
    }

    /// The worker answers.
    pub(crate) fn answer(&self, now: Nanos) {
        self.answered.store(now.0, Relaxed);
    }

    /// Looks at the worker that `thread` is at `now`, with what was asked before.
    pub(super) fn look(&self, now: Nanos, thread: Pid, before: Option<Question>) -> Next {
        let answered = Nanos(self.answered.load(Relaxed));
        match before.filter(|question| question.thread == thread) {
            Some(question) if answered < question.asked => {
                let counted = self.count(question.counted, now - question.asked);
                Next::Wait(Question { counted, ..question })
            }
            asked => {
                if let Some(question) = asked {
                    self.end(question, answered - question.asked);
                }
                self.stalled.store(false, Relaxed);
                if self.asleep.load(Relaxed) {
                    return Next::Rest;
                }
                Next::Ask(Question { thread, asked: now, counted: Counted::Not })
            }
        }
    }

    fn count(&self, counted: Counted, lag: Nanos) -> Counted {
        if counted == Counted::Not && lag > STALL {
            self.stalls.fetch_add(1, Relaxed);
            self.stalled.store(true, Relaxed);
            return Counted::AsStall;
        }
        counted
    }

    fn end(&self, question: Question, lag: Nanos) {
        if self.count(question.counted, lag) == Counted::AsStall {
            self.nanos.fetch_add(lag.0, Relaxed);
            self.longest.fetch_max(lag.0, Relaxed);
        }
    }

    fn stalls(&self) -> Stalls {
        let seconds = |nanos: &AtomicU64| nanos.load(Relaxed) as f64 * 1e-9;
        Stalls {
            count: self.stalls.load(Relaxed),
            seconds: seconds(&self.nanos),
            longest_seconds: seconds(&self.longest),
            now: self.stalled.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Nanos {
        Nanos(millis * 1_000_000)
    }

    fn thread(number: i32) -> Pid {
        Pid::from_raw(number).unwrap()
    }

    /// Asks at `millis`.
    fn asked(pulse: &Pulse, millis: u64) -> Question {
        match pulse.look(at(millis), thread(1), None) {
            Next::Ask(question) => question,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_loop_that_comes_round_in_time_has_not_stalled() {
        let pulse = Pulse::default();
        let question = asked(&pulse, 100);
        assert_eq!(pulse.look(at(105), thread(1), Some(question)), Next::Wait(question));
        pulse.answer(at(110));
        assert!(matches!(pulse.look(at(130), thread(1), Some(question)), Next::Ask(_)));
        assert_eq!((pulse.stalls().count, pulse.stalls().now), (0, false));
    }

    #[test]
    fn a_stall_is_counted_once_while_it_lasts_and_measured_at_its_end() {
        let pulse = Pulse::default();
        let mut question = asked(&pulse, 100);
        for now in [111, 150, 900] {
            let Next::Wait(next) = pulse.look(at(now), thread(1), Some(question)) else { panic!("{now}") };
            question = next;
            assert_eq!((pulse.stalls().count, pulse.stalls().now), (1, true));
        }
        pulse.answer(at(1100));
        pulse.look(at(1101), thread(1), Some(question));
        let stalls = pulse.stalls();
        assert_eq!((stalls.count, stalls.seconds, stalls.longest_seconds, stalls.now), (1, 1.0, 1.0, false));
    }

    #[test]
    fn a_stall_between_two_looks_is_counted() {
        let pulse = Pulse::default();
        let question = asked(&pulse, 100);
        pulse.answer(at(111));
        pulse.look(at(112), thread(1), Some(question));
        assert_eq!(pulse.stalls().count, 1);
    }

    #[test]
    fn who_sleeps_is_not_asked_and_who_ended_is_not_waited_for() {
        let pulse = Pulse::default();
        let question = asked(&pulse, 100);
        assert!(matches!(pulse.look(at(900), thread(2), Some(question)), Next::Ask(_)));
        pulse.sleeps(true);
        assert_eq!(pulse.look(at(900), thread(2), None), Next::Rest);
        assert_eq!(pulse.stalls().count, 0);
    }
}
