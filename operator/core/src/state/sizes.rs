//! Sizes over time: the changes that were *noticed*, and the recommendations made.
//!
//! Changes are noticed and not remembered from intent, so a failed write, a standby replica and a person with
//! `kubectl scale` are all handled by the same code.

use serde::{Deserialize, Serialize};

use crate::observation::Resizer;
use crate::time::Moment;
use crate::units::Replicas;

/// Most changes kept; a service that changes more often has its oldest ones forgotten.
const MAX_CHANGES: usize = 256;
/// Changes older than the longest period of a limit, half an hour, don't matter.
const HORIZON: f64 = 1800.0;

/// One change of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) at: Moment,
    pub(crate) from: Replicas,
    pub(crate) to: Replicas,
}

/// The size last seen and the changes before it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sizes {
    last: Option<Replicas>,
    changes: Vec<Change>,
    /// The size that somebody else set last, and when that was noticed.
    #[serde(default)]
    by_other: Option<(Moment, Replicas)>,
}

impl Sizes {
    /// Notices the size, and who set it where it has changed.
    pub(crate) fn notice(&mut self, size: Replicas, by: Resizer, at: Moment) {
        if let Some(from) = self.last.filter(|last| *last != size) {
            let expired = self.changes.iter().take_while(|c| at.seconds_since(c.at) > HORIZON).count();
            let surplus = (self.changes.len() + 1).saturating_sub(MAX_CHANGES);
            self.changes.drain(..expired.max(surplus));
            self.changes.push(Change { at, from, to: size });
            if by == Resizer::Other {
                self.by_other = Some((at, size));
            }
        }
        self.last = Some(size);
    }

    /// Pods added and removed within the last `seconds`, each change counted in its own direction.
    pub(crate) fn moved_within(&self, seconds: f64, now: Moment) -> (u32, u32) {
        let recent = self.changes.iter().filter(|c| now.seconds_since(c.at) < seconds);
        recent.fold((0u32, 0u32), |(added, removed), change| {
            let up = change.to.0.saturating_sub(change.from.0);
            let down = change.from.0.saturating_sub(change.to.0);
            (added.saturating_add(up), removed.saturating_add(down))
        })
    }

    /// The smallest size seen within the last `seconds`, `current` included.
    pub(crate) fn smallest_within(&self, seconds: f64, now: Moment, current: Replicas) -> Replicas {
        let recent = self.changes.iter().filter(|c| now.seconds_since(c.at) < seconds);
        recent.map(|c| c.from).min().map_or(current, |least| least.min(current))
    }

    /// The size that somebody else set within the last `seconds`.
    pub(crate) fn set_by_other(&self, seconds: f64, now: Moment) -> Option<Replicas> {
        self.by_other.filter(|(at, _)| now.seconds_since(*at) < seconds).map(|(_, size)| size)
    }

    /// When the size last changed.
    pub(crate) fn changed_at(&self) -> Option<Moment> {
        self.changes.last().map(|change| change.at)
    }

    /// When the size last grew, if that is remembered.
    pub(crate) fn last_growth(&self) -> Option<Moment> {
        self.changes.iter().rev().find(|c| c.to > c.from).map(|c| c.at)
    }
}

/// Recommendations of a sliding window, reduced to those that can still become its extreme.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recommendations {
    /// Ascending in time, descending in size: the first is the largest.
    largest: Vec<(Moment, Replicas)>,
    /// Ascending in time and size: the first is the smallest.
    smallest: Vec<(Moment, Replicas)>,
}

impl Recommendations {
    /// Adds one and forgets what has left the two windows (in seconds).
    pub(crate) fn push(&mut self, size: Replicas, at: Moment, up_window: f64, down_window: f64) {
        while self.smallest.last().is_some_and(|(_, s)| *s >= size) {
            self.smallest.pop();
        }
        self.hold(size, at, down_window);
        self.smallest.push((at, size));
        expire(&mut self.smallest, at, up_window);
    }

    /// Adds one that must not be undershot for a window and does not hold growth back.
    pub(crate) fn hold(&mut self, size: Replicas, at: Moment, down_window: f64) {
        while self.largest.last().is_some_and(|(_, s)| *s <= size) {
            self.largest.pop();
        }
        self.largest.push((at, size));
        expire(&mut self.largest, at, down_window);
    }

    /// The largest of the scale-down window.
    pub(crate) fn largest(&self) -> Option<Replicas> {
        self.largest.first().map(|(_, size)| *size)
    }

    /// The smallest of the scale-up window.
    pub(crate) fn smallest(&self) -> Option<Replicas> {
        self.smallest.first().map(|(_, size)| *size)
    }
}

/// As in the HPA, a recommendation counts while its age is below the window; the newest always counts.
fn expire(queue: &mut Vec<(Moment, Replicas)>, now: Moment, window: f64) {
    let expired = queue.iter().take_while(|(at, _)| now.seconds_since(*at) >= window).count();
    queue.drain(..expired.min(queue.len().saturating_sub(1)));
}
