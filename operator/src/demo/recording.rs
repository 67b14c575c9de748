//! What happened while a load was played: the generator's own records, and our account of the processes.

use std::collections::BTreeMap;

use headroom_core::Decision;
use headroom_load::report::Second;
use jiff::Timestamp;

use crate::outcome::Outcome;
use crate::standalone::{Life, Tick};

/// Everything that is judged and drawn. Times are seconds since the load began.
#[derive(Debug)]
pub struct Recording {
    began: Timestamp,
    /// The generator's records, one a second, in order.
    pub seconds: Vec<Second>,
    /// Changes of the size while the load was played, in order.
    pub changes: Vec<Change>,
    lives: BTreeMap<String, Life>,
}

/// One change of the size.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When, in seconds.
    pub at: f64,
    /// Pods asked for before.
    pub from: u32,
    /// Pods asked for from now on.
    pub to: u32,
    /// The decision, with its reasons and numbers.
    pub decision: Decision,
}

impl Recording {
    /// A load begins now.
    pub fn begin(now: Timestamp) -> Self {
        Self { began: now, seconds: Vec::new(), changes: Vec::new(), lives: BTreeMap::new() }
    }

    /// Takes note of a turn of the loop.
    pub fn note(&mut self, tick: &Tick) {
        self.note_lives(&tick.lives);
        if let (&Outcome::Scaled { from, to }, Some(decision)) = (&tick.outcome, &tick.decision) {
            let decision = decision.clone();
            self.changes.push(Change { at: self.second_of(tick.at), from, to, decision });
        }
    }

    /// Takes note of pods as they are now.
    pub fn note_lives(&mut self, lives: &[Life]) {
        for life in lives {
            self.lives.insert(life.name.clone(), life.clone());
        }
    }

    /// Length of the load, in seconds.
    pub fn length(&self) -> f64 {
        self.seconds.len() as f64
    }

    /// Pods times seconds while the load was played, from the start of each process to its end.
    pub fn pod_seconds(&self) -> f64 {
        let lives = self.lives.values().map(|life| self.within(Some(life.created_at), life.ended_at));
        lives.map(|(from, to)| to - from).sum()
    }

    /// How often the size was made smaller.
    pub fn scale_ins(&self) -> usize {
        self.changes.iter().filter(|change| change.to < change.from).count()
    }

    /// Number of processes over time, as (second, number) at every change.
    pub fn total(&self) -> Vec<(f64, f64)> {
        self.count(|life| (Some(life.created_at), life.ended_at))
    }

    /// Number of processes that serve over time.
    pub fn ready(&self) -> Vec<(f64, f64)> {
        self.count(|life| (life.ready_at, life.stopped_at.or(life.ended_at)))
    }

    fn count(&self, part: impl Fn(&Life) -> (Option<Timestamp>, Option<Timestamp>)) -> Vec<(f64, f64)> {
        let parts = self.lives.values().map(|life| {
            let (from, to) = part(life);
            self.within(from, to)
        });
        let mut steps: Vec<_> = parts.flat_map(|(from, to)| [(from, 1.0), (to, -1.0)]).collect();
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut points = vec![(0.0, 0.0)];
        for (at, step) in steps.into_iter().filter(|(at, _)| *at < self.length()) {
            match points.last_mut() {
                Some(last) if last.0 == at => last.1 += step,
                Some(&mut (_, count)) => points.push((at, count + step)),
                None => {}
            }
        }
        points
    }

    /// The part of a stretch of time in which the load was played; empty where it never began.
    fn within(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> (f64, f64) {
        let end = self.length();
        let from = from.map_or(end, |from| self.second_of(from).clamp(0.0, end));
        let to = to.map_or(end, |to| self.second_of(to).clamp(0.0, end));
        (from, to.max(from))
    }

    fn second_of(&self, at: Timestamp) -> f64 {
        at.duration_since(self.began).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1000 + second).unwrap()
    }

    fn life(name: &str, created: i64, ready: Option<i64>, stopped: Option<i64>, ended: Option<i64>) -> Life {
        Life {
            name: name.into(),
            created_at: at(created),
            ready_at: ready.map(at),
            stopped_at: stopped.map(at),
            ended_at: ended.map(at),
        }
    }

    fn recording() -> Recording {
        let mut recording = Recording::begin(at(0));
        recording.seconds = vec![Second::default(); 10];
        // Here from the beginning; comes and goes; never ready; gone before it began.
        recording.note_lives(&[life("a", -5, Some(-1), None, None), life("b", 2, None, None, None)]);
        recording.note_lives(&[life("b", 2, Some(4), Some(6), Some(8)), life("c", 9, None, None, None)]);
        recording.note_lives(&[life("d", -9, Some(-8), Some(-3), Some(-2))]);
        recording
    }

    #[test]
    fn pods_count_from_their_start_to_their_end_while_the_load_was_played() {
        assert_eq!(recording().pod_seconds(), 10.0 + 6.0 + 1.0);
    }

    #[test]
    fn sizes_over_time() {
        let recording = recording();
        assert_eq!(recording.total(), [(0.0, 1.0), (2.0, 2.0), (8.0, 1.0), (9.0, 2.0)]);
        assert_eq!(recording.ready(), [(0.0, 1.0), (4.0, 2.0), (6.0, 1.0)]);
    }
}
