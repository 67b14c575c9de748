//! The rules in force, shared by all connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::call::Call;
use super::rule::{Applied, Fault, Rule};

/// The rules in force. Clones share them.
#[derive(Debug, Clone)]
pub struct Rules {
    applied: Arc<Mutex<Vec<Applied>>>,
    /// Counts changes, so that what is stalled looks again.
    changes: Arc<watch::Sender<u64>>,
}

/// Which faults are asked for: the same rule disturbs requests and the streams they open in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A request has come.
    Request,
    /// A stream is open.
    Stream,
    /// A stream has an event.
    Event,
}

/// A fault to play.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Number of the rule, for what becomes of it.
    pub rule: usize,
    /// How.
    pub fault: Fault,
    /// The change of the rules that it belongs to.
    pub change: u64,
}

/// A call that is held; tells its rule when the caller gives up, which is when this is dropped.
#[derive(Debug)]
pub struct Held {
    rules: Rules,
    hit: Option<Hit>,
    since: Instant,
}

impl Default for Rules {
    fn default() -> Self {
        Self { applied: Arc::default(), changes: Arc::new(watch::Sender::new(0)) }
    }
}

impl Rules {
    /// Puts these in the place of all others.
    pub fn replace(&self, rules: Vec<Rule>) {
        let mut applied = self.lock();
        *applied = rules.into_iter().map(Applied::from).collect();
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// The rules and what came of them.
    pub fn applied(&self) -> Vec<Applied> {
        self.lock().clone()
    }

    /// Sees every change from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The fault that this call meets now, if it meets one.
    pub fn fault(&self, call: &Call, moment: Moment) -> Option<Hit> {
        let mut applied = self.lock();
        let change = *self.changes.borrow();
        let mut candidates = applied.iter_mut().enumerate();
        candidates.find_map(|(number, applied)| {
            let fits = happens(&applied.rule.fault, moment) && applied.rule.matcher.matches(call);
            (fits && applied.take()).then(|| Hit { rule: number, fault: applied.rule.fault.clone(), change })
        })
    }

    /// A call that this fault holds from now on.
    pub fn hold(&self, hit: Hit) -> Held {
        Held { rules: self.clone(), hit: Some(hit), since: Instant::now() }
    }

    fn note_given_up(&self, hit: &Hit, after: Duration) {
        let mut applied = self.lock();
        // By a later change the number may be that of another rule.
        if let Some(applied) = applied.get_mut(hit.rule).filter(|_| *self.changes.borrow() == hit.change) {
            applied.given_up += 1;
            applied.given_up_after_seconds = applied.given_up_after_seconds.max(after.as_secs_f64());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Applied>> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Applied {
    fn take(&mut self) -> bool {
        self.matched += 1;
        let hits =
            self.matched > self.rule.skip && self.rule.count.is_none_or(|count| self.disturbed < count);
        self.disturbed += u64::from(hits);
        hits
    }
}

impl Held {
    /// It was held to the end.
    pub fn release(mut self) {
        self.hit = None;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(hit) = self.hit.take() {
            self.rules.note_given_up(&hit, self.since.elapsed());
        }
    }
}

fn happens(fault: &Fault, moment: Moment) -> bool {
    match fault {
        Fault::Delay { .. } | Fault::Answer { .. } | Fault::Stale => moment == Moment::Request,
        Fault::Stall | Fault::Cut => moment != Moment::Event,
        Fault::Silence | Fault::Gone => moment == Moment::Stream,
        Fault::Drop => moment == Moment::Event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault_proxy::rule::Matcher;

    fn rule(skip: u64, count: Option<u64>, fault: Fault) -> Rule {
        let matcher = Matcher { resource: Some("pods".to_owned()), ..Matcher::default() };
        Rule { matcher, skip, count, fault }
    }

    fn call(resource: &str) -> Call {
        Call { verb: "watch", resource: resource.to_owned(), ..Call::default() }
    }

    #[test]
    fn a_rule_lets_the_first_pass_and_ends_after_its_count() {
        let rules = Rules::default();
        rules.replace(vec![rule(1, Some(2), Fault::Drop)]);
        let hits: Vec<_> = (0..5).map(|_| rules.fault(&call("pods"), Moment::Event).is_some()).collect();
        assert_eq!(hits, [false, true, true, false, false]);
        assert_eq!((rules.applied()[0].matched, rules.applied()[0].disturbed), (5, 2));
        assert!(rules.fault(&call("nodes"), Moment::Event).is_none());
        assert!(rules.fault(&call("pods"), Moment::Request).is_none(), "an event is no request");
    }

    #[test]
    fn the_first_rule_that_still_counts_is_played() {
        let rules = Rules::default();
        rules.replace(vec![rule(0, Some(1), Fault::Stall), rule(0, None, Fault::Cut)]);
        let faults: Vec<_> = (0..2).filter_map(|_| rules.fault(&call("pods"), Moment::Request)).collect();
        assert_eq!(faults[0].fault, Fault::Stall);
        assert_eq!(faults[1].fault, Fault::Cut);
    }

    #[test]
    fn a_call_that_is_given_up_is_counted_for_its_own_rule_alone() {
        let rules = Rules::default();
        rules.replace(vec![rule(0, None, Fault::Stall)]);
        let held = || rules.hold(rules.fault(&call("pods"), Moment::Request).unwrap());
        drop(held());
        held().release();
        assert_eq!(rules.applied()[0].given_up, 1);
        let late = held();
        rules.replace(vec![rule(0, None, Fault::Cut)]);
        drop(late);
        assert_eq!(rules.applied()[0].given_up, 0);
    }

    #[test]
    fn rules_are_written_as_json_and_bounded() {
        let text = r#"[{"match":{"verbs":["patch"],"resource":"deployments","subresource":"scale"},"count":3,
                        "fault":{"kind":"answer","status":429,"retryAfter":3600}}]"#;
        let rules: Vec<Rule> = serde_json::from_str(text).unwrap();
        assert_eq!(rules[0].fault, Fault::Answer { status: 429, retry_after: Some(3600) });
        assert_eq!((rules[0].count, rules[0].complaint()), (Some(3), None));
        assert!(
            serde_json::from_str::<Rule>(r#"{"match":{"verb":"get"},"fault":{"kind":"stall"}}"#).is_err()
        );
        assert!(rule(0, None, Fault::Delay { seconds: f64::NAN }).complaint().is_some());
        assert!(rule(0, None, Fault::Answer { status: 200, retry_after: None }).complaint().is_some());
    }
}
