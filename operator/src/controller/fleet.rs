//! PURE: one fault that hits many services at once must not shrink them (invariant I6).
//!
//! A metric path that breaks, a switch of versions, a list that comes back half empty: each looks like "nobody needs
//! anything any more" everywhere at the same time. Real demand rarely does. So shrinking (never growth) freezes for
//! all when need collapses in many services within a minute, or when many pods of the fleet fall silent.

use std::collections::{BTreeMap, VecDeque};
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
/// Shrinking thaws after so long without either.
const NORMAL: Duration = Duration::from_secs(300);

/// What one look at a service showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// Pods that demand needs, before any guard.
    pub needed: u32,
    /// Pods that answered.
    pub answering: u32,
    /// Pods asked for.
    pub replicas: u32,
}

/// What all services need, over the last minute.
#[derive(Debug, Default)]
pub struct Fleet {
    services: BTreeMap<String, VecDeque<(Instant, Glance)>>,
    frozen_at: Option<Instant>,
}

impl Fleet {
    /// Takes in a look at the service with this UID.
    pub fn note(&mut self, uid: &str, glance: Glance, now: Instant) {
        let history = match self.services.get_mut(uid) {
            Some(history) => history,
            None => self.services.entry(uid.to_owned()).or_default(),
        };
        while history.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            history.pop_front();
        }
        // Of equal looks in a row the oldest and the newest say all.
        let same = |entry: Option<&(Instant, Glance)>| entry.is_some_and(|(_, before)| *before == glance);
        if same(history.back()) && same(history.len().checked_sub(2).and_then(|index| history.get(index))) {
            history.pop_back();
        }
        history.push_back((now, glance));
    }

    /// Forgets services that are gone.
    pub fn keep(&mut self, exists: impl Fn(&str) -> bool) {
        self.services.retain(|uid, _| exists(uid));
    }

    /// Whether services may shrink, given all looks so far. To be asked once a tick.
    pub fn judge(&mut self, now: Instant) -> Shrinking {
        if self.has_collapsed() || self.has_fallen_silent() {
            if self.frozen_at.is_none() {
                tracing::warn!(
                    "many services or pods fell at the same time: nothing shrinks until five minutes of normal"
                );
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

    fn has_collapsed(&self) -> bool {
        let fell = |history: &&VecDeque<(Instant, Glance)>| {
            let most = history.iter().map(|(_, glance)| glance.needed).max().unwrap_or_default();
            let now = history.back().map_or(0, |(_, glance)| glance.needed);
            f64::from(now) < (1.0 - FALL) * f64::from(most)
        };
        let fallen = self.services.values().filter(fell).count();
        fallen >= MANY.1 && fallen as f64 > MANY.0 * self.services.len() as f64
    }

    /// Pods that answered within the window and were not scaled in since then should still answer.
    fn has_fallen_silent(&self) -> bool {
        let (mut expected, mut answering) = (0u64, 0u64);
        for history in self.services.values() {
            let Some((_, now)) = history.back() else { continue };
            let most = history.iter().map(|(_, glance)| glance.answering).max().unwrap_or_default();
            expected += u64::from(most.min(now.replicas));
            answering += u64::from(now.answering.min(now.replicas));
        }
        expected >= SILENT.1 && (answering as f64) < (1.0 - SILENT.0) * expected as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(services: u32, needed: u32, now: Instant) -> Fleet {
        let mut fleet = Fleet::default();
        for service in 0..services {
            fleet.note(&service.to_string(), Glance { needed, answering: needed, replicas: needed }, now);
        }
        fleet
    }

    fn fall(fleet: &mut Fleet, services: u32, glance: Glance, now: Instant) {
        for service in 0..services {
            fleet.note(&service.to_string(), glance, now);
        }
    }

    #[test]
    fn a_collapse_of_many_freezes_all_until_five_minutes_of_normal() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut fleet = fleet(20, 10, start);
        assert_eq!(fleet.judge(start), Shrinking::Allowed);
        fall(&mut fleet, 5, Glance { needed: 6, answering: 10, replicas: 10 }, after(10));
        assert_eq!(fleet.judge(after(10)), Shrinking::Frozen);
        // The old looks leave the window a minute later; then normal begins.
        fall(&mut fleet, 20, Glance { needed: 6, answering: 10, replicas: 10 }, after(71));
        assert_eq!(fleet.judge(after(309)), Shrinking::Frozen);
        assert_eq!(fleet.judge(after(310)), Shrinking::Allowed);
    }

    #[test]
    fn few_services_or_small_falls_freeze_nothing() {
        let start = Instant::now();
        let mut few = fleet(20, 10, start);
        fall(&mut few, 4, Glance { needed: 1, answering: 10, replicas: 10 }, start);
        assert_eq!(few.judge(start), Shrinking::Allowed, "four are too few");
        let mut share = fleet(50, 10, start);
        fall(&mut share, 10, Glance { needed: 1, answering: 10, replicas: 10 }, start);
        assert_eq!(share.judge(start), Shrinking::Allowed, "20 % are not more than 20 %");
        let mut small = fleet(20, 10, start);
        fall(&mut small, 20, Glance { needed: 7, answering: 10, replicas: 10 }, start);
        assert_eq!(small.judge(start), Shrinking::Allowed, "30 % are not more than 30 %");
    }

    #[test]
    fn pods_that_fall_silent_together_freeze_all() {
        let start = Instant::now();
        let mut fleet = fleet(2, 10, start);
        fall(&mut fleet, 1, Glance { needed: 10, answering: 0, replicas: 10 }, start);
        assert_eq!(fleet.judge(start), Shrinking::Frozen);
        let mut scaled_in = self::fleet(2, 10, start);
        fall(&mut scaled_in, 2, Glance { needed: 10, answering: 3, replicas: 3 }, start);
        assert_eq!(scaled_in.judge(start), Shrinking::Allowed, "a smaller size is no silence");
        let mut tiny = self::fleet(1, 2, start);
        fall(&mut tiny, 1, Glance { needed: 2, answering: 0, replicas: 10 }, start);
        assert_eq!(tiny.judge(start), Shrinking::Allowed, "the evidence guard holds a single service");
    }
}
