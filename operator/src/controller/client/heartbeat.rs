//! When each watch last gave a sign of life: a change, a bookmark, or a new connection.
//!
//! A watch over which nothing comes looks like a quiet cluster. The watcher reconnects every 30 s, so silence for
//! longer means that changes are being missed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Watches end themselves after so long; then a new one must begin.
pub const WATCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence beyond this means that changes are missed: one watch and the time to begin the next.
const SILENT: Duration = Duration::from_secs(35);
/// A watch that could not be begun again for so long misses changes.
const BROKEN: Duration = Duration::from_secs(3);

/// The last signs of life, by resource. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<BTreeMap<String, Beat>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Beat {
    last: Option<Instant>,
    broken: Option<Instant>,
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
    pub fn beat(&self, resource: &str, now: Instant) {
        self.with(resource, |beat| *beat = Beat { last: Some(now), broken: None });
    }

    /// The watch ended with an error.
    pub fn broke(&self, resource: &str, now: Instant) {
        self.with(resource, |beat| {
            beat.broken.get_or_insert(now);
        });
    }

    /// How the watch of this resource is.
    pub fn pulse(&self, resource: &str, now: Instant) -> Pulse {
        let beat = self.with(resource, |beat| *beat);
        let silent = beat.last.is_none_or(|last| now.duration_since(last) > SILENT);
        let broken = beat.broken.is_some_and(|since| now.duration_since(since) > BROKEN);
        if silent || broken { Pulse::Lost } else { Pulse::Alive }
    }

    /// Time since the last sign of life of each watch.
    pub fn ages(&self, now: Instant) -> Vec<(String, Duration)> {
        let beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |beat: &Beat| beat.last.map(|last| now.duration_since(last));
        beats.iter().filter_map(|(resource, beat)| Some((resource.clone(), age(beat)?))).collect()
    }

    fn with<T>(&self, resource: &str, f: impl FnOnce(&mut Beat) -> T) -> T {
        let mut beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(beat) = beats.get_mut(resource) {
            return f(beat);
        }
        f(beats.entry(resource.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_a_broken_watch_are_noticed() {
        let (beats, start) = (Heartbeats::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(beats.pulse("pods", start), Pulse::Lost, "never seen");
        beats.beat("pods", start);
        assert_eq!(beats.pulse("pods", after(35)), Pulse::Alive);
        assert_eq!(beats.pulse("pods", after(36)), Pulse::Lost);
        beats.beat("pods", after(36));
        beats.broke("pods", after(37));
        assert_eq!(beats.pulse("pods", after(40)), Pulse::Alive, "it may begin again at once");
        beats.broke("pods", after(40));
        assert_eq!(beats.pulse("pods", after(41)), Pulse::Lost);
        beats.beat("pods", after(42));
        assert_eq!(beats.pulse("pods", after(43)), Pulse::Alive);
        assert_eq!(beats.ages(after(43)), [("pods".to_owned(), Duration::from_secs(1))]);
    }
}
