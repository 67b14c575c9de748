//! When each watch last gave a sign of life: a change, a bookmark, its end, or a list of the same objects.
//!
//! A watch over which nothing comes looks like a quiet cluster. The server ends each watch after 30 s, so silence for
//! longer means that changes are being missed. The watcher then gives the watch up and asks for another one; that this
//! is answered says nothing, for whatever swallowed the first one's changes may swallow its changes too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Watches end themselves after so long; then a new one must begin.
pub const WATCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence beyond this means that changes are missed: one watch and the time to begin the next.
const SILENT: Duration = Duration::from_secs(35);
/// A watch that could not be begun again for so long misses changes.
const BROKEN: Duration = Duration::from_secs(3);

/// The last signs of life of each watch, by the path of its objects. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<BTreeMap<String, Beat>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Beat {
    last: Option<Instant>,
    broken: Option<Instant>,
    /// The watch before this one was given up for its silence.
    suspect: bool,
}

/// How a watch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// Changes arrive.
    Alive,
    /// Changes may be missed.
    Lost,
}

impl Heartbeats {
    /// A sign of life.
    pub fn beat(&self, path: &str, now: Instant) {
        self.with(path, |beat| *beat = Beat { last: Some(now), broken: None, suspect: false });
    }

    /// The objects were listed: a sign of life, unless changes are being missed. For the list is right for the moment
    /// only, and what is missed from then on must be noticed.
    pub fn listed(&self, path: &str, now: Instant) {
        self.with(path, |beat| {
            if beat.last.is_none() || beat.is_alive(now) {
                beat.last = Some(now);
            }
        });
    }

    /// A watch begins: a sign of life, unless the one before was silent.
    pub fn opened(&self, path: &str, now: Instant) {
        self.with(path, |beat| {
            beat.broken = None;
            if !beat.suspect {
                beat.last = Some(now);
            }
        });
    }

    /// The watch was given up before the server ended it.
    pub fn abandoned(&self, path: &str) {
        self.with(path, |beat| beat.suspect = true);
    }

    /// The watch ended with an error.
    pub fn broke(&self, path: &str, now: Instant) {
        self.with(path, |beat| {
            beat.broken.get_or_insert(now);
        });
    }

    /// How the watches of the resource with this plural are: as the worst of them, one for each namespace watched.
    pub fn pulse(&self, plural: &str, now: Instant) -> Pulse {
        let beats = self.beats();
        let mut beats = beats.iter().filter(|(path, _)| plural_of(path) == plural).peekable();
        let alive = beats.peek().is_some() && beats.all(|(_, beat)| beat.is_alive(now));
        if alive { Pulse::Alive } else { Pulse::Lost }
    }

    /// Time since the last sign of life of each resource's watches, the longest of them.
    pub fn ages(&self, now: Instant) -> Vec<(String, Duration)> {
        let mut ages: BTreeMap<String, Duration> = BTreeMap::new();
        for (path, beat) in self.beats().iter() {
            let Some(last) = beat.last else { continue };
            let age = ages.entry(plural_of(path).to_owned()).or_default();
            *age = now.duration_since(last).max(*age);
        }
        ages.into_iter().collect()
    }

    fn beats(&self) -> MutexGuard<'_, BTreeMap<String, Beat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, path: &str, f: impl FnOnce(&mut Beat)) {
        let mut beats = self.beats();
        if let Some(beat) = beats.get_mut(path) {
            return f(beat);
        }
        f(beats.entry(path.to_owned()).or_default());
    }
}

impl Beat {
    fn is_alive(&self, now: Instant) -> bool {
        let silent = self.last.is_none_or(|last| now.duration_since(last) > SILENT);
        let broken = self.broken.is_some_and(|since| now.duration_since(since) > BROKEN);
        !silent && !broken
    }
}

fn plural_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: &str = "/api/v1/pods";

    #[test]
    fn silence_and_a_broken_watch_are_noticed() {
        let (beats, start) = (Heartbeats::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(beats.pulse("pods", start), Pulse::Lost, "never seen");
        beats.beat(PODS, start);
        assert_eq!(beats.pulse("pods", after(35)), Pulse::Alive);
        assert_eq!(beats.pulse("pods", after(36)), Pulse::Lost);
        beats.beat(PODS, after(36));
        beats.broke(PODS, after(37));
        assert_eq!(beats.pulse("pods", after(40)), Pulse::Alive, "it may begin again at once");
        beats.broke(PODS, after(40));
        assert_eq!(beats.pulse("pods", after(41)), Pulse::Lost);
        beats.beat(PODS, after(42));
        assert_eq!(beats.pulse("pods", after(43)), Pulse::Alive);
        assert_eq!(beats.ages(after(43)), [("pods".to_owned(), Duration::from_secs(1))]);
    }

    #[test]
    fn a_watch_after_a_silent_one_has_to_prove_itself() {
        let (beats, start) = (Heartbeats::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        beats.opened(PODS, start);
        assert_eq!(beats.pulse("pods", after(35)), Pulse::Alive);
        beats.abandoned(PODS);
        beats.opened(PODS, after(35));
        assert_eq!(beats.pulse("pods", after(36)), Pulse::Lost, "that it was opened says nothing");
        beats.listed(PODS, after(37));
        assert_eq!(beats.pulse("pods", after(37)), Pulse::Lost, "a list does not say that changes come");
        beats.beat(PODS, after(40));
        assert_eq!(beats.pulse("pods", after(75)), Pulse::Alive);
        beats.opened(PODS, after(75));
        assert_eq!(beats.pulse("pods", after(110)), Pulse::Alive);
    }

    #[test]
    fn of_several_namespaces_the_most_silent_counts() {
        let (beats, start) = (Heartbeats::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let [one, other] = ["/api/v1/namespaces/one/pods", "/api/v1/namespaces/other/pods"];
        beats.beat(one, start);
        beats.beat(other, start);
        beats.beat(one, after(30));
        assert_eq!(beats.pulse("pods", after(35)), Pulse::Alive);
        assert_eq!(beats.pulse("pods", after(36)), Pulse::Lost);
        assert_eq!(beats.ages(after(36)), [("pods".to_owned(), Duration::from_secs(36))]);
    }
}
