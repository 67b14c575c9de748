//! PURE: what must never happen, checked on every write by code that shares nothing with the guards.
//!
//! The counts are shown as `headroom_invariant_violations_total`; any value but zero is a defect of ours.

use std::time::Duration;

use headroom_api::ScaledServiceSpec;
use headroom_core::observation::Shrinking;
use headroom_core::{Answer, Observation, PodState};

/// An invariant that a write broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violation {
    /// I1: it shrank a service of which nothing is known.
    ShrankBlind,
    /// I4: the size is outside the bounds of the spec.
    OutOfBounds,
    /// I5: it left fewer pods than answer and carry load, with less than 80 % of them heard.
    ShrankOnLittle,
    /// I6: it shrank a service while shrinking was frozen for all.
    ShrankFrozen,
    /// I8: the decision or the lease was too old when the write began.
    Late,
    /// I9: it was the second write on one version of the target.
    WroteTwice,
    /// I10: it shrank a service right after a gap in our own looking.
    ShrankAfterGap,
    /// I12: what the loop did for all services of a tick held up each of them for more than one.
    DelayedOthers,
}

impl Violation {
    /// The number under which it is documented, as a label.
    pub fn id(self) -> &'static str {
        match self {
            Self::ShrankBlind => "I1",
            Self::OutOfBounds => "I4",
            Self::ShrankOnLittle => "I5",
            Self::ShrankFrozen => "I6",
            Self::Late => "I8",
            Self::WroteTwice => "I9",
            Self::ShrankAfterGap => "I10",
            Self::DelayedOthers => "I12",
        }
    }
}

/// A size that was written.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// What the user asked for when it was decided.
    pub spec: &'a ScaledServiceSpec,
    /// What was seen.
    pub seen: &'a Observation,
    /// Size before and after.
    pub sizes: (u32, u32),
    /// Age of the decision when the request began.
    pub decision_age: Duration,
    /// How much longer we could have written then; `None` when the lease was over or another's.
    pub lease_left: Option<Duration>,
    /// Time since our looking at this service last had a gap.
    pub since_gap: Duration,
    /// Whether it was written on the same version of the target as the size before.
    pub on_own_write: bool,
}

/// The invariants that a write broke. None, one hopes.
pub fn violations(written: &Written<'_>) -> Vec<Violation> {
    let Written { spec, seen, sizes: (from, to), decision_age, lease_left, since_gap, on_own_write } =
        *written;
    let shrinks = to < from;
    let running = seen.pods.iter().filter(|pod| matches!(pod.state, PodState::Ready | PodState::NotReady));
    let (mut all, mut heard) = (0u32, 0u32);
    for pod in running {
        all += 1;
        heard += u32::from(!matches!(pod.answer, Answer::Silent));
    }
    // A maximum lowered by the user is the one reason to shrink whatever is known.
    let ordered = spec.max_replicas.is_some_and(|max| from > max && to >= max);
    let window = Duration::from_secs(spec.behavior.scale_down.stabilization_window_seconds.into());
    let broken = [
        (Violation::ShrankBlind, shrinks && heard == 0 && !ordered),
        (Violation::OutOfBounds, to < spec.min_replicas || spec.max_replicas.is_some_and(|max| to > max)),
        (Violation::ShrankOnLittle, shrinks && !ordered && f64::from(heard) < 0.8 * f64::from(all)),
        (Violation::ShrankFrozen, shrinks && !ordered && seen.shrinking == Shrinking::Frozen),
        (Violation::Late, decision_age > super::TICK || lease_left.is_none_or(|left| left.is_zero())),
        (Violation::WroteTwice, on_own_write),
        (Violation::ShrankAfterGap, shrinks && !ordered && since_gap < window),
    ];
    broken.into_iter().filter(|(_, is_broken)| *is_broken).map(|(violation, _)| violation).collect()
}

/// Whether the loop's own work for one tick was so long that one object held up all others. Passes run beside it.
pub fn delay(work: Duration) -> Option<Violation> {
    (work > super::TICK).then_some(Violation::DelayedOthers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::report::fixtures::{calm, service};

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3600);

    fn broken(change: impl FnOnce(&mut Observation, &mut Written<'_>)) -> Vec<Violation> {
        let (service, mut seen) = (service("Active"), calm().observation);
        let fine = seen.clone();
        let mut written = Written {
            spec: &service.spec,
            seen: &fine,
            sizes: (7, 6),
            decision_age: SECOND,
            lease_left: Some(SECOND),
            since_gap: HOUR,
            on_own_write: false,
        };
        change(&mut seen, &mut written);
        violations(&Written { seen: &seen, ..written })
    }

    #[test]
    fn each_rule_is_held_against_a_write() {
        assert_eq!(broken(|_, _| ()), []);
        assert_eq!(broken(|_, written| written.sizes = (7, 0)), [Violation::OutOfBounds]);
        assert_eq!(broken(|_, written| written.since_gap = SECOND), [Violation::ShrankAfterGap]);
        assert_eq!(broken(|_, written| written.on_own_write = true), [Violation::WroteTwice]);
    }

    #[test]
    fn a_decision_and_a_lease_have_their_age_when_the_request_begins() {
        let millisecond = Duration::from_millis(1);
        assert_eq!(broken(|_, written| written.decision_age += millisecond), [Violation::Late]);
        assert_eq!(broken(|_, written| written.lease_left = Some(Duration::ZERO)), [Violation::Late]);
        assert_eq!(broken(|_, written| written.lease_left = None), [Violation::Late]);
    }

    #[test]
    fn the_loop_holds_up_no_service_for_more_than_a_tick() {
        assert_eq!(delay(SECOND), None);
        assert_eq!(delay(SECOND + Duration::from_millis(1)), Some(Violation::DelayedOthers));
    }

    #[test]
    fn nothing_shrinks_while_that_is_frozen() {
        assert_eq!(broken(|seen, _| seen.shrinking = Shrinking::Frozen), [Violation::ShrankFrozen]);
        let growth = |seen: &mut Observation, written: &mut Written<'_>| {
            seen.shrinking = Shrinking::Frozen;
            written.sizes = (7, 8);
        };
        assert_eq!(broken(growth), []);
    }

    #[test]
    fn silent_pods_are_no_reason_to_shrink() {
        let silence = |seen: &mut Observation, pods: usize| {
            seen.pods.iter_mut().take(pods).for_each(|pod| pod.answer = Answer::Silent);
        };
        assert_eq!(broken(|seen, _| silence(seen, 1)), []);
        assert_eq!(broken(|seen, _| silence(seen, 2)), [Violation::ShrankOnLittle]);
        assert_eq!(broken(|seen, _| silence(seen, 7)), [Violation::ShrankBlind, Violation::ShrankOnLittle]);
    }
}
