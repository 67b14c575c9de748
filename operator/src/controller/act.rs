//! WRITE: makes the size what was decided, where the mode, the lease and the moment allow it.

use std::time::Duration;

use headroom_api::Mode;
use headroom_core::Decision;
use tokio::time::Instant;

use super::TICK;
use super::contest::Contest;
use super::findings::Target;
use super::leader::Leadership;
use super::target::{ScaleError, Scales};
use crate::outcome::{Outcome, Refusal};

/// A decision this old is no longer written (invariant I8).
const TOO_OLD: Duration = TICK;

/// What a write needs to know besides the decision.
pub struct Warrant<'a> {
    /// Namespace of the target.
    pub namespace: &'a str,
    /// The target as it was read before deciding.
    pub target: &'a Target,
    /// What the user allows.
    pub mode: Mode,
    /// The fewest pods that the user asked for.
    pub least: u32,
    /// When the decision was made.
    pub decided_at: Instant,
    /// Whether the decision before this one, which the whole fleet was judged after, wanted fewer pods too.
    pub shrinks_again: bool,
}

/// What came of trying.
#[derive(Debug)]
pub enum Tried {
    /// This is the outcome.
    Done(Outcome),
    /// The size was written.
    Written(Sent),
    /// The target changed since it was read: read it again, and decide again.
    Stale,
}

/// A size that was written: when it was asked for, and until when the lease held then.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// When the request began.
    pub at: Instant,
    /// Until when we could write; `None` where we did not lead.
    pub lease_until: Option<Instant>,
}

/// Writes the decided size.
pub async fn act(
    scales: &Scales,
    leadership: &Leadership,
    contest: &mut Contest,
    warrant: &Warrant<'_>,
    decision: &Decision,
) -> Tried {
    let to = decision.target_replicas.0;
    if let Some(outcome) = without_writing(leadership, contest, warrant, to) {
        return Tried::Done(outcome);
    }
    let now = Instant::now();
    if !leadership.may_write(now) || now.duration_since(warrant.decided_at) > TOO_OLD {
        return Tried::Done(Outcome::Refused(Refusal::TooLate));
    }
    contest.asks(to);
    let lease_until = leadership.until();
    match scales.write(warrant.namespace, warrant.target, to).await {
        Ok(at) => {
            let (namespace, target, from) =
                (warrant.namespace, &warrant.target.name, warrant.target.replicas);
            tracing::info!(namespace, %target, from, to, "a size was written");
            contest.wrote(to, Instant::now());
            Tried::Written(Sent { at, lease_until })
        }
        Err(ScaleError::Conflict(_)) => Tried::Stale,
        Err(error) => Tried::Done(Outcome::Refused(Refusal::Failed { message: error.to_string() })),
    }
}

/// The outcome, if nothing is to be written.
fn without_writing(
    leadership: &Leadership,
    contest: &Contest,
    warrant: &Warrant<'_>,
    to: u32,
) -> Option<Outcome> {
    let from = warrant.target.replicas;
    if from == to {
        return Some(Outcome::Unchanged);
    }
    match warrant.mode {
        Mode::Active => {}
        Mode::Observe | Mode::Paused => return Some(Outcome::ObserveOnly),
    }
    if !leadership.may_write(warrant.decided_at) {
        return Some(Outcome::Standby);
    }
    if to < from && !warrant.shrinks_again {
        // The fleet has not been looked at with this wish in it.
        return Some(Outcome::Held);
    }
    // Whoever else sets the size: below what the user asked for at least, nobody is waited for.
    let waits = from >= warrant.least && contest.holds_back(warrant.decided_at);
    waits.then_some(Outcome::Refused(Refusal::Contested { manager: None }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::report::fixtures::target;
    use rstest::rstest;

    #[rstest]
    #[case::first_wish(5, false, Some(Outcome::Held))]
    #[case::second_wish(5, true, None)]
    #[case::growth(9, false, None)]
    #[case::as_it_is(7, false, Some(Outcome::Unchanged))]
    fn a_shrink_waits_for_a_second_look(
        #[case] to: u32,
        #[case] shrinks_again: bool,
        #[case] outcome: Option<Outcome>,
    ) {
        let (leadership, contest, now) = (Leadership::default(), Contest::default(), Instant::now());
        leadership.hold(now + Duration::from_secs(6));
        let target = target(7);
        let warrant = Warrant {
            namespace: "shop",
            target: &target,
            mode: Mode::Active,
            least: 2,
            decided_at: now,
            shrinks_again,
        };
        assert_eq!(without_writing(&leadership, &contest, &warrant, to), outcome);
    }

    #[rstest]
    #[case::below_the_minimum(1, false)]
    #[case::at_the_minimum(2, true)]
    fn a_contest_is_waited_for_from_the_minimum_on(#[case] size: u32, #[case] waits: bool) {
        let (leadership, now) = (Leadership::default(), Instant::now());
        leadership.hold(now + Duration::from_secs(6));
        let mut contest = Contest::default();
        for _ in 0..5 {
            contest.wrote(4, now);
            contest.notice(size, true, now);
            contest.notice(size, true, now);
        }
        let target = target(size);
        let warrant = Warrant {
            namespace: "shop",
            target: &target,
            mode: Mode::Active,
            least: 2,
            decided_at: now,
            shrinks_again: false,
        };
        let refused = Some(Outcome::Refused(Refusal::Contested { manager: None }));
        assert_eq!(without_writing(&leadership, &contest, &warrant, 4), refused.filter(|_| waits));
    }
}
