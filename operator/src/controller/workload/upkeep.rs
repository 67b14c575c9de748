//! When the owned objects of one service are applied: when the spec or the defaults change, and once a minute.
//!
//! In between nothing is asked. What fails is tried again after a while that doubles, so that an object which the API
//! server refuses costs a few calls a minute and not three a tick.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use kube::Client;
use tokio::time::Instant;

use super::apply::{ApplyError, apply};
use super::{Defaults, Owned};

/// Time after which objects are applied again though nothing is known to have changed: somebody may have edited them.
const REFRESH: Duration = Duration::from_secs(60);
/// Wait after the first failure; it doubles up to [`REFRESH`].
const RETRY: Duration = Duration::from_secs(2);

/// What is remembered of the objects of one service.
#[derive(Debug, Default)]
pub struct Upkeep(Option<Attempt>);

#[derive(Debug)]
struct Attempt {
    /// What was applied.
    basis: u64,
    next: Instant,
    failures: u32,
    result: Result<(), ApplyError>,
    /// The objects are known to be there and ours.
    standing: bool,
}

/// The owned objects after a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkept {
    /// Why the objects are not what the spec says, though they are there and can be scaled.
    pub trouble: Option<ApplyError>,
}

impl Upkeep {
    /// Applies what is due. An error only if there is nothing of ours to scale: never applied, or somebody else's now.
    ///
    /// `generation` is that of the service's metadata: it changes with the spec.
    pub async fn keep(
        &mut self,
        client: &Client,
        owned: &Owned<'_>,
        generation: Option<i64>,
        defaults: &Defaults,
        now: Instant,
    ) -> Result<Upkept, ApplyError> {
        let basis = basis(owned.uid, generation, defaults);
        if self.is_due(basis, now) {
            let result = apply(client, owned, defaults).await;
            self.note(basis, result.map(drop), now);
        }
        let Some(Attempt { result, standing, .. }) = &self.0 else {
            return Ok(Upkept { trouble: None });
        };
        match result {
            Err(error) if !standing => Err(error.clone()),
            result => Ok(Upkept { trouble: result.clone().err() }),
        }
    }

    /// Applies at the next look, whatever is remembered: an object has disappeared.
    pub fn forget(&mut self) {
        self.0 = None;
    }

    fn is_due(&self, basis: u64, now: Instant) -> bool {
        self.0.as_ref().is_none_or(|last| last.basis != basis || now >= last.next)
    }

    fn note(&mut self, basis: u64, result: Result<(), ApplyError>, now: Instant) {
        let last = self.0.take();
        let stood = last.as_ref().is_some_and(|last| last.standing);
        let standing = match &result {
            Ok(()) => true,
            Err(ApplyError::NotOurs { .. }) => false,
            Err(_) => stood,
        };
        let before = last.filter(|last| last.basis == basis).map_or(0, |last| last.failures);
        let failures = if result.is_ok() { 0 } else { before + 1 };
        let wait = match failures {
            0 => REFRESH,
            failures => (RETRY * 2_u32.saturating_pow(failures - 1).min(64)).min(REFRESH),
        };
        // Services that were seen first together drift apart.
        let next = now + wait - wait * (basis % 16) as u32 / 64;
        self.0 = Some(Attempt { basis, next, failures, result, standing });
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

    fn unavailable() -> Result<(), ApplyError> {
        Err(ApplyError::Unavailable { object: "Deployment/shop".into(), message: "gone".into() })
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_applied_twice_within_a_minute_unless_it_changed() {
        let (mut upkeep, start) = (Upkeep::default(), Instant::now());
        assert!(upkeep.is_due(1, start));
        upkeep.note(1, Ok(()), start);
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
    fn objects_that_stood_stand_until_they_are_somebody_elses() {
        let (mut upkeep, now) = (Upkeep::default(), Instant::now());
        let stands = |upkeep: &Upkeep| upkeep.0.as_ref().is_some_and(|last| last.standing);
        upkeep.note(1, unavailable(), now);
        assert!(!stands(&upkeep));
        upkeep.note(1, Ok(()), now);
        upkeep.note(1, unavailable(), now);
        assert!(stands(&upkeep));
        upkeep.note(1, Err(ApplyError::NotOurs { object: "Deployment/shop".into(), owner: None }), now);
        assert!(!stands(&upkeep));
    }
}
