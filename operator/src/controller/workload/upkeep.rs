//! When the owned objects of one service are applied: when the spec or the defaults change, and once a minute.
//!
//! In between nothing is asked. What fails is tried again after a while that doubles, so that an object which the API
//! server refuses costs a few calls a minute and not three a tick.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::time::Instant;

use super::apply::{ApplyError, Attempted, Presence, Writer, apply};
use super::{Defaults, Owned};

/// Time after which objects are applied again though nothing is known to have changed: somebody may have edited them.
const REFRESH: Duration = Duration::from_secs(60);
/// Wait after the first failure; it doubles up to [`REFRESH`].
const RETRY: Duration = Duration::from_secs(2);
/// Conflicts in a row after which the next look tries again; then they count as other failures do.
const CONFLICTS: u32 = 3;

/// What is remembered of the objects of one service.
#[derive(Debug, Default)]
pub struct Upkeep(Option<Attempt>);

#[derive(Debug)]
struct Attempt {
    /// What was applied.
    basis: u64,
    at: Instant,
    next: Instant,
    failures: u32,
    /// The first failure since all was well.
    failing_since: Option<Instant>,
    result: Result<(), ApplyError>,
    /// The Deployment is known to be there and ours.
    standing: bool,
}

/// Why the objects are not what the spec says, though the Deployment is there and can be scaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What went wrong at the last attempt.
    pub error: ApplyError,
    /// When the first attempt failed since all was well.
    pub since: Instant,
}

impl Upkeep {
    /// Applies what is due. An error only if there is nothing of ours to scale: the Deployment is absent, or
    /// somebody else's. What is there is scaled on, whatever is refused beside it.
    ///
    /// `generation` is that of the service's metadata: it changes with the spec.
    pub async fn keep(
        &mut self,
        writer: Writer<'_>,
        owned: &Owned<'_>,
        generation: Option<i64>,
        defaults: &Defaults,
        now: Instant,
    ) -> Result<Option<Trouble>, ApplyError> {
        let basis = basis(owned.uid, generation, defaults);
        if self.is_due(basis, now) {
            let attempted = apply(writer, owned, defaults).await;
            self.note(basis, attempted, now);
        }
        let Some(last) = &self.0 else { return Ok(None) };
        match &last.result {
            Ok(()) => Ok(None),
            Err(error) if !last.standing => Err(error.clone()),
            Err(error) => {
                Ok(Some(Trouble { error: error.clone(), since: last.failing_since.unwrap_or(now) }))
            }
        }
    }

    /// What went wrong at the look that began `now`, if it tried.
    pub fn failure_of(&self, now: Instant) -> Option<&ApplyError> {
        self.0.as_ref().filter(|last| last.at == now)?.result.as_ref().err()
    }

    /// Applies at the next look, whatever is remembered: an object has disappeared.
    pub fn forget(&mut self) {
        self.0 = None;
    }

    fn is_due(&self, basis: u64, now: Instant) -> bool {
        self.0.as_ref().is_none_or(|last| last.basis != basis || now >= last.next)
    }

    fn note(&mut self, basis: u64, attempted: Attempted, now: Instant) {
        let Attempted { result, deployment } = attempted;
        let last = self.0.take();
        let standing = match deployment {
            Presence::Ours => true,
            Presence::Absent => false,
            Presence::Unknown => last.as_ref().is_some_and(|last| last.standing),
        };
        let began = last.as_ref().and_then(|last| last.failing_since).unwrap_or(now);
        let failing_since = result.is_err().then_some(began);
        let before = last.filter(|last| last.basis == basis).map_or(0, |last| last.failures);
        let failures = if result.is_ok() { 0 } else { before + 1 };
        let wait = match (failures, &result) {
            (0, _) => REFRESH,
            (..=CONFLICTS, Err(ApplyError::Conflict { .. })) => Duration::ZERO,
            (failures, _) => (RETRY * 2_u32.saturating_pow(failures - 1).min(64)).min(REFRESH),
        };
        // Services that were seen first together drift apart.
        let next = now + wait - wait * (basis % 16) as u32 / 64;
        self.0 = Some(Attempt { basis, at: now, next, failures, failing_since, result, standing });
    }
}

/// A number for everything that the objects are made of; of use within this process alone.
fn basis(uid: &str, generation: Option<i64>, defaults: &Defaults) -> u64 {
    let mut hasher = DefaultHasher::new();
    (uid, generation, defaults).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: ApplyError, deployment: Presence) -> Attempted {
        Attempted { result: Err(error), deployment }
    }

    fn unavailable() -> Attempted {
        let error = ApplyError::Unavailable { object: "Deployment/shop".into(), message: "gone".into() };
        failed(error, Presence::Unknown)
    }

    fn applied() -> Attempted {
        Attempted { result: Ok(()), deployment: Presence::Ours }
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_applied_twice_within_a_minute_unless_it_changed() {
        let (mut upkeep, start) = (Upkeep::default(), Instant::now());
        assert!(upkeep.is_due(1, start));
        upkeep.note(1, applied(), start);
        assert!(!upkeep.is_due(1, after(start, 59)));
        assert!(upkeep.is_due(2, after(start, 1)));
        assert!(upkeep.is_due(1, after(start, 60)));
        upkeep.forget();
        assert!(upkeep.is_due(1, start));
    }

    #[test]
    fn failures_are_tried_again_less_and_less_often() {
        let (mut upkeep, mut now) = (Upkeep::default(), Instant::now());
        for wait in [2, 4, 8, 16, 32, 60, 60] {
            upkeep.note(1, unavailable(), now);
            assert!(!upkeep.is_due(1, after(now, wait - 1)), "{wait}");
            now = after(now, wait);
            assert!(upkeep.is_due(1, now), "{wait}");
        }
        upkeep.note(2, unavailable(), now);
        assert!(upkeep.is_due(2, after(now, 2)), "another spec starts anew");
    }

    #[test]
    fn conflicts_are_tried_again_at_the_next_look_but_not_for_ever() {
        let (mut upkeep, now) = (Upkeep::default(), Instant::now());
        let conflict = || {
            let error = ApplyError::Conflict { object: "Deployment/shop".into(), message: "newer".into() };
            failed(error, Presence::Ours)
        };
        for _ in 0..CONFLICTS {
            upkeep.note(1, conflict(), now);
            assert!(upkeep.is_due(1, now));
        }
        upkeep.note(1, conflict(), now);
        assert!(!upkeep.is_due(1, after(now, 5)));
    }

    #[test]
    fn what_is_there_stands_until_it_is_gone_or_somebody_elses() {
        let (mut upkeep, now) = (Upkeep::default(), Instant::now());
        let stands = |upkeep: &Upkeep| upkeep.0.as_ref().is_some_and(|last| last.standing);
        let refused = || ApplyError::Refused { object: "Service/shop".into(), message: "no".into() };
        upkeep.note(1, unavailable(), now);
        assert!(!stands(&upkeep));
        upkeep.note(1, failed(refused(), Presence::Ours), now);
        assert!(stands(&upkeep), "a refused Service is no reason to leave the Deployment alone");
        upkeep.note(1, unavailable(), now);
        assert!(stands(&upkeep));
        let not_ours =
            ApplyError::NotOurs { object: "Deployment/shop".into(), owner: None, labels: String::new() };
        upkeep.note(1, failed(not_ours, Presence::Absent), now);
        assert!(!stands(&upkeep));
    }

    #[test]
    fn a_trouble_lasts_from_its_first_failure_on() {
        let (mut upkeep, now) = (Upkeep::default(), Instant::now());
        let since = |upkeep: &Upkeep| upkeep.0.as_ref().and_then(|last| last.failing_since);
        upkeep.note(1, applied(), now);
        upkeep.note(1, unavailable(), after(now, 60));
        upkeep.note(2, unavailable(), after(now, 70));
        assert_eq!(since(&upkeep), Some(after(now, 60)), "another spec ends no trouble");
        assert!(upkeep.failure_of(after(now, 70)).is_some() && upkeep.failure_of(now).is_none());
        upkeep.note(2, applied(), after(now, 80));
        assert_eq!(since(&upkeep), None);
    }
}
