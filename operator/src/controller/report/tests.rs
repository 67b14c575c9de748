#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::collections::BTreeMap;

use headroom_core::units::{Replicas, Share};
use headroom_core::{Budget, Observation, PodState, State, decide};

use super::fixtures::{at, pod, service, standing, target};
use super::*;
use crate::controller::{Decided, Outcome};
use crate::validate;

/// Deterministic noise with a standard deviation of about one.
fn noise(seed: f64, second: i64) -> f64 {
    let t = second as f64;
    [(0.71, 0.3), (1.93, 1.1), (2.57, 2.0)].iter().map(|(f, p)| (t * f + p + seed).sin()).sum::<f64>() * 0.8
}

/// Decides every second about pods that share a load, and tells what a leader would.
struct Run {
    service: ScaledService,
    state: State,
    counters: Vec<f64>,
    size: u32,
    settling: Settling,
    picture: Picture,
    written: Option<ScaledServiceStatus>,
    quiet: Quiet,
    /// The seconds of writes, and of size changes.
    writes: Vec<i64>,
    changes: Vec<i64>,
}

impl Run {
    fn new() -> Self {
        Self {
            service: service("Active"),
            state: State::default(),
            counters: vec![0.0; 4],
            size: 4,
            settling: Settling::default(),
            picture: Picture { status: ScaledServiceStatus::default(), figures: None },
            written: None,
            quiet: Quiet::new(20),
            writes: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn second(&mut self, second: i64, load: f64) {
        let seen = self.seen(second, load);
        let policy = validate::policy(&self.service.spec).unwrap();
        let (mut decision, state) = decide(&policy, std::mem::take(&mut self.state), &seen, at(second));
        self.state = state;
        decision.numbers.latency_seconds[0] = Some(0.03 * (1.0 + 0.1 * noise(9.0, second)));
        let remaining = 0.9 - second as f64 * 1e-6;
        decision.numbers.availability_budget =
            Some(Budget { remaining, burn_rate: Some(0.4 + 0.1 * noise(8.0, second)) });
        let to = decision.target_replicas.0;
        let outcome = if to == self.size {
            Outcome::Unchanged
        } else {
            self.changes.push(second);
            Outcome::Scaled { from: self.size, to }
        };
        self.size = to;
        self.counters.resize(to as usize, 0.0);
        let decided = Decided {
            target: target(self.size),
            observation: seen,
            troubles: BTreeMap::new(),
            decision,
            outcome,
            resized_by: None,
            stale: Vec::new(),
            unapplied: None,
            workers: None,
        };
        self.tell(&standing(decided), second);
    }

    fn seen(&mut self, second: i64, load: f64) -> Observation {
        let share = load / self.counters.len() as f64;
        let mut pods = Vec::new();
        for (index, counter) in self.counters.iter_mut().enumerate() {
            *counter += (share + noise(index as f64, second) * share.sqrt()).max(0.0);
            pods.push(pod(&format!("p{index}"), PodState::Ready, Some(*counter)));
        }
        Observation { replicas: Replicas(self.size), pods, ..Observation::default() }
    }

    fn tell(&mut self, standing: &Standing, second: i64) {
        let Standing::Decided(decided) = standing else { return };
        let target = decided.decision.target_replicas;
        let figures = self.settling.look(&decided.decision.numbers, target, &decided.observation, at(second));
        let view = View {
            service: &self.service,
            standing,
            figures: Some(&figures),
            old: &self.picture.status,
            now: at(second),
        };
        let status = status::status_of(&view);
        let change = change_of(self.written.as_ref(), &status);
        if !self.quiet.choose(vec![("u1".to_owned(), change)], at(second)).is_empty() {
            self.quiet.done("u1");
            self.writes.push(second);
            self.written = Some(status.clone());
        }
        self.picture = Picture { status, figures: Some(figures) };
    }
}

#[test]
fn ten_minutes_of_constant_noisy_load_write_hardly_anything() {
    let mut run = Run::new();
    (0..300).for_each(|second| run.second(second, 400.0));
    run.writes.clear();
    (300..900).for_each(|second| run.second(second, 400.0));
    for minute in run.writes.windows(5) {
        assert!(minute[4] - minute[0] >= 60, "more than four writes in a minute: {minute:?}");
    }
    assert!(run.writes.len() <= 10, "{} writes in ten minutes: {:?}", run.writes.len(), run.writes);
}

#[test]
fn a_step_of_the_load_is_written_in_the_second_of_its_size_change() {
    let mut run = Run::new();
    (0..120).for_each(|second| run.second(second, 400.0));
    run.changes.clear();
    (120..150).for_each(|second| run.second(second, 1600.0));
    assert!(!run.changes.is_empty(), "the step changes the size");
    for change in &run.changes {
        assert!(run.writes.contains(change), "{change} is not among {:?}", run.writes);
    }
    let status = run.written.unwrap();
    assert_eq!(status.replicas, i32::try_from(run.size).ok());
    assert_eq!(i32::try_from(run.size), Ok(status.decisions[0].to));
}

#[test]
fn a_gap_in_the_evidence_is_written_at_once() {
    let mut run = Run::new();
    (0..60).for_each(|second| run.second(second, 400.0));
    let seen = Observation {
        replicas: Replicas(run.size),
        pods: (0..run.size).map(|index| pod(&format!("p{index}"), PodState::Ready, None)).collect(),
        ..Observation::default()
    };
    let policy = validate::policy(&run.service.spec).unwrap();
    let (decision, _) = decide(&policy, run.state.clone(), &seen, at(60));
    assert_eq!(decision.numbers.fresh_share, Share::NONE);
    let decided = Decided {
        target: target(run.size),
        observation: seen,
        troubles: BTreeMap::new(),
        decision,
        outcome: Outcome::Unchanged,
        resized_by: None,
        stale: Vec::new(),
        unapplied: None,
        workers: None,
    };
    run.tell(&standing(decided), 60);
    assert_eq!(run.writes.last(), Some(&60));
    assert_eq!(run.picture.status.display.reason, "NoEvidence");
}

#[test]
fn a_panic_over_one_service_is_caught() {
    assert_eq!(guarded(|| 1), Some(1));
    assert_eq!(guarded::<()>(|| panic!("a defect")), None);
}
