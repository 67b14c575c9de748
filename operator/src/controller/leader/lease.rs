//! PURE: whose turn it is.
//!
//! client-go's rule: a lease is over when *we* have not seen it change for its duration, by our own monotonic clock.
//! The times that others write into it are for people to read.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A lease that was not renewed for so long may be taken.
    pub duration: Duration,
    /// Its holder writes no longer than so long after the last renewal was asked for; clearly below `duration`.
    pub renew_deadline: Duration,
    /// Time between two turns.
    pub retry: Duration,
}

impl Default for Timing {
    /// Shorter than client-go's 15, 10 and 2 s: sizes must be written again soon after a leader is lost.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(10),
            renew_deadline: Duration::from_secs(6),
            retry: Duration::from_millis(1500),
        }
    }
}

/// What of a lease matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; `None` when it was given back.
    pub holder: Option<String>,
    /// Changes with every write.
    pub version: String,
}

/// The lease as last seen, and since when it is as it is.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    seen: Option<(Record, Instant)>,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its holder has gone: take it.
    Take,
    /// It is ours: renew it.
    Renew,
    /// It is somebody else's.
    Wait,
}

impl Record {
    /// Of an object.
    pub fn of(lease: &Lease) -> Self {
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
        Self {
            holder: holder.filter(|holder| !holder.is_empty()),
            version: lease.metadata.resource_version.clone().unwrap_or_default(),
        }
    }
}

impl Watched {
    /// Takes in what was read.
    pub fn note(&mut self, record: Record, now: Instant) {
        if self.seen.as_ref().is_none_or(|(before, _)| *before != record) {
            self.seen = Some((record, now));
        }
    }
}

/// Whose turn it is.
pub fn step(watched: &Watched, me: &str, timing: Timing, now: Instant) -> Step {
    match &watched.seen {
        Some((Record { holder: Some(holder), .. }, _)) if holder == me => Step::Renew,
        Some((Record { holder: Some(_), .. }, since)) if now.duration_since(*since) < timing.duration => {
            Step::Wait
        }
        _ => Step::Take,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn record(holder: &str, version: u32) -> Record {
        let holder = Some(holder.to_owned()).filter(|holder| !holder.is_empty());
        Record { holder, version: version.to_string() }
    }

    #[rstest]
    #[case::free("", 0, Step::Take)]
    #[case::ours("me", 0, Step::Renew)]
    #[case::ours_for_long("me", 99, Step::Renew)]
    #[case::held("other", 0, Step::Wait)]
    #[case::held_just("other", 9, Step::Wait)]
    #[case::over("other", 10, Step::Take)]
    fn whose_turn(#[case] holder: &str, #[case] unchanged: u64, #[case] expected: Step) {
        let (mut watched, start) = (Watched::default(), Instant::now());
        watched.note(record(holder, 1), start);
        let now = start + Duration::from_secs(unchanged);
        watched.note(record(holder, 1), now);
        assert_eq!(step(&watched, "me", Timing::default(), now), expected);
    }

    #[test]
    fn a_renewal_begins_the_time_anew() {
        let (mut watched, start) = (Watched::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        watched.note(record("other", 1), start);
        watched.note(record("other", 2), after(9));
        assert_eq!(step(&watched, "me", Timing::default(), after(18)), Step::Wait);
        assert_eq!(step(&watched, "me", Timing::default(), after(19)), Step::Take);
    }
}
