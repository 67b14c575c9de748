//! The load of the last minutes, one entry for each look: what was asked of the whole service.

use serde::{Deserialize, Serialize};

use crate::time::Moment;

/// Entries older than this are forgotten, in seconds: the trend looks back one minute, the budget as well.
const HORIZON: f64 = 90.0;
/// Most entries kept, for looks more frequent than three a second.
const MAX_ENTRIES: usize = 270;

/// What was asked of the service between two looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// End of the interval.
    pub(crate) at: Moment,
    /// Its length in seconds; above zero.
    pub(crate) seconds: f64,
    /// Arrivals per second.
    pub(crate) offered: f64,
    /// Arrivals per second that should buy pods.
    pub(crate) demand: f64,
    /// Requests that came to an end, good or bad, and those of them that were not answered successfully.
    pub(crate) finished: f64,
    pub(crate) failed: f64,
    /// Whether it is of a sample of the pods: smoother than the load was.
    #[serde(default)]
    pub(crate) sampled: bool,
    /// How many times more bad ones than the strictest latency objective allows, times `finished`.
    pub(crate) excess: f64,
}

/// The last entries, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LoadWindow {
    entries: Vec<Entry>,
}

impl LoadWindow {
    pub(crate) fn push(&mut self, entry: Entry) {
        let oldest = entry.at.minus(HORIZON);
        let surplus = (self.entries.len() + 1).saturating_sub(MAX_ENTRIES);
        let expired = self.entries.iter().take_while(|e| e.at < oldest).count();
        self.entries.drain(..expired.max(surplus));
        self.entries.push(entry);
    }

    /// The entries that ended after `start`, oldest first.
    pub(crate) fn since(&self, start: Moment) -> &[Entry] {
        let first = self.entries.partition_point(|e| e.at <= start);
        self.entries.get(first..).unwrap_or_default()
    }

    /// The entries before the last `n`.
    pub(crate) fn before_last(&self, n: usize) -> &[Entry] {
        self.entries.get(..self.entries.len().saturating_sub(n)).unwrap_or_default()
    }

    /// The last `n` entries, or fewer.
    pub(crate) fn last(&self, n: usize) -> &[Entry] {
        self.entries.get(self.entries.len().saturating_sub(n)..).unwrap_or_default()
    }
}

/// Time-weighted mean of `value` over the last `seconds` of `entries`; `None` when there are none.
pub(crate) fn mean(entries: &[Entry], seconds: f64, value: impl Fn(&Entry) -> f64) -> Option<f64> {
    let (mut sum, mut covered) = (0.0, 0.0);
    for entry in entries.iter().rev() {
        let weight = entry.seconds.min(seconds - covered);
        if weight <= 0.0 {
            break;
        }
        sum += weight * value(entry);
        covered += weight;
    }
    (covered > 0.0).then(|| sum / covered)
}

/// Seconds covered by `entries`.
pub(crate) fn covered(entries: &[Entry]) -> f64 {
    entries.iter().map(|e| e.seconds).sum()
}
