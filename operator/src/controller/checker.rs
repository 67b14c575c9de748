//! PURE: what must never happen, checked on every write by code that shares nothing with the guards.
//!
//! The counts are shown as `headroom_invariant_violations_total`; any value but zero is a defect of ours.

use std::time::Duration;

use headroom_api::ScaledServiceSpec;
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
    /// I8: the decision or the lease was too old.
    Late,
    /// I10: it shrank a service right after a gap in our own looking.
    ShrankAfterGap,
}

impl Violation {
    /// The number under which it is documented, as a label.
    pub fn id(self) -> &'static str {
        match self {
            Self::ShrankBlind => "I1",
            Self::OutOfBounds => "I4",
            Self::ShrankOnLittle => "I5",
            Self::Late => "I8",
            Self::ShrankAfterGap => "I10",
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
    /// Age of the decision when the write began.
    pub decision_age: Duration,
    /// Time since our looking at this service last had a gap.
    pub since_gap: Duration,
}

/// The invariants that a write broke. None, one hopes.
pub fn violations(written: &Written<'_>) -> Vec<Violation> {
    let Written { spec, seen, sizes: (from, to), decision_age, since_gap } = *written;
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
        (Violation::Late, decision_age > super::TICK),
        (Violation::ShrankAfterGap, shrinks && !ordered && since_gap < window),
    ];
    broken.into_iter().filter(|(_, is_broken)| *is_broken).map(|(violation, _)| violation).collect()
}
