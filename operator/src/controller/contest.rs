//! PURE: another writer of the size is noticed, and not fought.
//!
//! One change by somebody else is taken as it is: the core starts from that size. When it happens again and again our
//! own writes wait longer and longer.

use std::collections::VecDeque;
use std::time::Duration;

use headroom_core::observation::Resizer;
use tokio::time::Instant;

/// Changes by others within this time count.
const HORIZON: Duration = Duration::from_secs(600);
/// So many of them are a contest.
const MANY: usize = 3;
/// First and longest time between two writes of ours in a contest.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));

/// Who changed the size, as far as we saw.
#[derive(Debug, Clone, Default)]
pub struct Contest {
    /// The size we last saw or wrote.
    known: Option<u32>,
    /// The size we last asked for, whatever was answered: an answer may be lost, and the write not.
    asked: Option<u32>,
    /// Whether we led at the last look: only then was it not the leader before us who wrote since.
    led: bool,
    by_others: VecDeque<Instant>,
    written: Option<Instant>,
}

impl Contest {
    /// Takes in the size read now; says who changed it since the last look. Who does not lead can't tell others from
    /// the leader, and takes every change as one of ours.
    pub fn notice(&mut self, size: u32, leads: bool, now: Instant) -> Resizer {
        let changed = self.known.is_some_and(|known| known != size);
        let foreign = changed && leads && self.led && self.asked != Some(size);
        (self.known, self.led) = (Some(size), leads);
        if changed {
            self.asked = None;
        }
        self.forget(now);
        if !foreign {
            return Resizer::Us;
        }
        self.by_others.push_back(now);
        Resizer::Other
    }

    /// We are about to write this size.
    pub fn asks(&mut self, size: u32) {
        self.asked = Some(size);
    }

    /// We wrote this size.
    pub fn wrote(&mut self, size: u32, now: Instant) {
        (self.known, self.asked) = (Some(size), None);
        self.written = Some(now);
    }

    /// Whether a write must wait because others keep changing the size.
    pub fn holds_back(&self, now: Instant) -> bool {
        let again = self.by_others.len().saturating_sub(MANY - 1) as u32;
        if again == 0 {
            return false;
        }
        let wait = (BACK_OFF.0 * 2u32.saturating_pow(again - 1).min(64)).min(BACK_OFF.1);
        self.written.is_some_and(|written| now.duration_since(written) < wait)
    }

    fn forget(&mut self, now: Instant) {
        let old = |at: &Instant| now.duration_since(*at) > HORIZON;
        while self.by_others.front().is_some_and(old) || self.by_others.len() > 64 {
            self.by_others.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_losing_writes_less_often() {
        let (mut contest, start) = (Contest::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(contest.notice(5, true, start), Resizer::Us, "the first size seen is nobody's change");
        for round in 0..3 {
            contest.wrote(7, after(round * 30));
            assert!(!contest.holds_back(after(round * 30)), "round {round}");
            assert_eq!(contest.notice(5, true, after(round * 30 + 1)), Resizer::Other);
        }
        assert!(contest.holds_back(after(89)));
        assert!(!contest.holds_back(after(90)));
        contest.wrote(7, after(90));
        contest.notice(5, true, after(91));
        assert!(contest.holds_back(after(149)));
        assert!(!contest.holds_back(after(150)));
        contest.notice(5, true, after(800));
        assert!(contest.by_others.len() < MANY, "forgotten after ten minutes");
    }

    #[test]
    fn our_own_write_is_known_though_its_answer_was_lost() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        contest.notice(5, true, now);
        contest.asks(9);
        assert_eq!(contest.notice(5, true, now), Resizer::Us);
        assert_eq!(contest.notice(9, true, now), Resizer::Us, "it landed late");
        assert_eq!(contest.notice(5, true, now), Resizer::Other);
        assert_eq!(contest.notice(9, true, now), Resizer::Other, "asked for once is not for ever");
    }

    #[test]
    fn a_new_leader_takes_the_last_change_as_that_of_the_one_before() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        contest.notice(5, false, now);
        assert_eq!(contest.notice(9, true, now), Resizer::Us);
        assert_eq!(contest.notice(5, true, now), Resizer::Other);
    }

    #[test]
    fn a_standby_takes_every_change_as_the_leaders() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        contest.notice(5, false, now);
        assert_eq!(contest.notice(9, false, now), Resizer::Us);
    }
}
