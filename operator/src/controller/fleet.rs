//! PURE: one fault that hits many services at once must not shrink them (invariant I6).
//!
//! A metric path that breaks, a switch of versions, a list that comes back half empty: each looks like "nobody needs
//! anything any more" everywhere at the same time. Real demand rarely does. So shrinking (never growth) freezes for
//! all when need collapses in many services within a minute, or when many pods of the fleet fall silent.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use headroom_core::observation::Shrinking;
use tokio::time::Instant;

/// A collapse is a fall by more than this share ...
const FALL: f64 = 0.3;
/// ... within this time.
const WINDOW: Duration = Duration::from_secs(60);
/// Many services: more than this share of all, and at least so many.
const MANY: (f64, usize) = (0.2, 5);
/// Many pods: more than this share of those that should answer, of at least so many.
const SILENT: (f64, u64) = (0.45, 10);
/// Of each stretch of this length the peak is kept.
const STRETCH: Duration = Duration::from_secs(5);
/// Shrinking thaws after so long without either.
const NORMAL: Duration = Duration::from_secs(300);

/// What one look at a service showed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glance {
    /// Demand, counted in what a pod carries, before any guard. Not rounded: that one pod more or less is needed at two or
    /// three pods is no collapse.
    pub demand_pods: f64,
    /// Pods that demand needs, and at least `minReplicas`.
    pub needed: u32,
    /// Pods that answered.
    pub answering: u32,
    /// Pods asked for.
    pub replicas: u32,
}

/// What hit many at once.
enum Fault {
    Collapse { fallen: usize, services: usize },
    Silence { silent: u64, expected: u64 },
}

/// What all services need, over the last minute.
#[derive(Debug, Default)]
pub struct Fleet {
    services: BTreeMap<String, History>,
    frozen_at: Option<Instant>,
}

/// What one service needs now, and the most of the last minute.
#[derive(Debug)]
struct History {
    now: Glance,
    noted: Instant,
    peaks: VecDeque<Peak>,
}

#[derive(Debug, Clone, Copy)]
struct Peak {
    since: Instant,
    demand_pods: f64,
    answering: u32,
}

impl Fleet {
    /// Takes in a look at the service with this UID.
    pub fn note(&mut self, uid: &str, glance: Glance, now: Instant) {
        if let Some(history) = self.services.get_mut(uid) {
            history.note(glance, now);
        } else {
            let mut history = History { now: glance, noted: now, peaks: VecDeque::new() };
            history.note(glance, now);
            self.services.insert(uid.to_owned(), history);
        }
    }

    /// Forgets services that are gone.
    pub fn keep(&mut self, exists: impl Fn(&str) -> bool) {
        self.services.retain(|uid, _| exists(uid));
    }

    /// Whether services may shrink, given all looks so far. To be asked once a tick.
    pub fn judge(&mut self, now: Instant) -> Shrinking {
        self.forget_old(now);
        if let Some(fault) = self.collapse().or_else(|| self.silence()) {
            if self.frozen_at.is_none() {
                tracing::warn!("{fault}: nothing shrinks until five minutes of normal");
            }
            self.frozen_at = Some(now);
        }
        match self.frozen_at {
            Some(at) if now.duration_since(at) < NORMAL => Shrinking::Frozen,
            _ => {
                self.frozen_at = None;
                Shrinking::Allowed
            }
        }
    }

    /// A service that is looked at no more (paused, owned by another autoscaler, being deleted) says nothing about now:
    /// its last look would freeze all for as long as it exists, or hide the silence of others.
    fn forget_old(&mut self, now: Instant) {
        self.services.retain(|_, history| now.duration_since(history.noted) <= WINDOW);
        self.services.values_mut().for_each(|history| history.prune(now));
    }

    fn collapse(&self) -> Option<Fault> {
        let fell = |history: &&History| {
            let History { now, .. } = history;
            now.needed < now.replicas && now.demand_pods < (1.0 - FALL) * history.most_demand()
        };
        let (fallen, services) = (self.services.values().filter(fell).count(), self.services.len());
        let many = fallen >= MANY.1 && fallen as f64 > MANY.0 * services as f64;
        many.then_some(Fault::Collapse { fallen, services })
    }

    /// Pods that answered within the window and were not scaled in since then should still answer.
    fn silence(&self) -> Option<Fault> {
        let (mut expected, mut answering) = (0u64, 0u64);
        for history in self.services.values() {
            let should = history.most_answering().min(history.now.replicas);
            expected += u64::from(should);
            // Of a service that is looked at no more the last look may outlive what came before it.
            answering += u64::from(history.now.answering.min(should));
        }
        let many = expected >= SILENT.1 && (answering as f64) < (1.0 - SILENT.0) * expected as f64;
        many.then_some(Fault::Silence { silent: expected - answering, expected })
    }
}

impl History {
    fn note(&mut self, glance: Glance, now: Instant) {
        self.now = glance;
        self.noted = now;
        self.prune(now);
        let Glance { demand_pods, answering, .. } = glance;
        match self.peaks.back_mut() {
            Some(peak) if now.duration_since(peak.since) < STRETCH => {
                peak.demand_pods = peak.demand_pods.max(demand_pods);
                peak.answering = peak.answering.max(answering);
            }
            _ => self.peaks.push_back(Peak { since: now, demand_pods, answering }),
        }
    }

    fn prune(&mut self, now: Instant) {
        while self.peaks.front().is_some_and(|peak| now.duration_since(peak.since) > WINDOW) {
            self.peaks.pop_front();
        }
    }

    fn most_demand(&self) -> f64 {
        self.peaks.iter().map(|peak| peak.demand_pods).fold(0.0, f64::max)
    }

    fn most_answering(&self) -> u32 {
        self.peaks.iter().map(|peak| peak.answering).max().unwrap_or_default()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collapse { fallen, services } => {
                write!(
                    f,
                    "{fallen} of {services} services need much less than they did within the last minute"
                )
            }
            Self::Silence { silent, expected } => {
                write!(f, "{silent} of {expected} pods that answered within the last minute are silent")
            }
        }
    }
}

#[cfg(test)]
mod tests;
