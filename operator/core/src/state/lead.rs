//! Time to ready, learned: from the size being written to a pod being ready.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Starts remembered.
const MAX_STARTS: usize = 32;
/// Assumed before any start was seen, in seconds.
const ASSUMED: f64 = 30.0;
/// Range in which the learned time is used, in seconds.
const RANGE: (f64, f64) = (5.0, 300.0);
/// A pod later than so many times the time to ready no longer counts as coming.
const OVERDUE_FACTOR: f64 = 3.0;
/// A start that took longer than this, in seconds, says nothing about the next one.
const LONGEST_START: f64 = 3600.0;

/// Durations of the last successful starts, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LeadTimes {
    starts: Vec<f64>,
}

impl LeadTimes {
    /// Learns from one start. `seen` brackets it where the pod was seen starting, in seconds: the duration that the
    /// cluster states is believed only within it, for its clocks are not ours.
    pub(crate) fn note(&mut self, stated: Option<f64>, seen: Option<(f64, f64)>) {
        let duration = match (stated, seen) {
            (Some(stated), Some((least, most))) => stated.clamp(least, most.max(least)),
            (None, Some((_, most))) => most,
            // A pod that lost its readiness later states a long start.
            (Some(stated), None) if stated <= RANGE.1 => stated,
            (_, None) => return,
        };
        if !(0.0..=LONGEST_START).contains(&duration) {
            return;
        }
        if self.starts.len() == MAX_STARTS {
            self.starts.remove(0);
        }
        self.starts.push(duration);
    }

    /// Whether it could have been learned: what is read back was in other hands.
    pub(super) fn is_plausible(&self) -> bool {
        self.starts.len() <= MAX_STARTS
            && self.starts.iter().all(|start| (0.0..=LONGEST_START).contains(start))
    }

    /// The 90th percentile (nearest rank) of the starts seen, clamped to the range in which it is used.
    pub(crate) fn time_to_ready(&self) -> f64 {
        let mut sorted = self.starts.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (0.9 * sorted.len() as f64).ceil() as usize;
        let learned = sorted.get(rank.saturating_sub(1)).copied().unwrap_or(ASSUMED);
        learned.clamp(RANGE.0, RANGE.1)
    }

    /// A starting pod older than this, in seconds, no longer counts as coming.
    pub(crate) fn overdue_after(&self) -> f64 {
        OVERDUE_FACTOR * self.time_to_ready()
    }
}

/// What the cluster says a start took, in seconds.
pub(crate) fn stated_start(created: Option<Timestamp>, ready: Option<Timestamp>) -> Option<f64> {
    let seconds = ready?.duration_since(created?).as_secs_f64();
    (0.0..=LONGEST_START).contains(&seconds).then_some(seconds)
}
