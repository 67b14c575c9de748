//! How far a request is started behind its time by the generator's own doing. Pure.

use std::time::Duration;

/// Remembers when the generator had last nothing to do. Times are those since the start.
///
/// A request may start late for two reasons: there was no connection for it, which is the server's doing, or the
/// generator was too busy, or not woken in time. They are told apart by this: whenever the generator finds nothing to
/// read and nothing due, it has done everything that could be done by then, so a request that still waits at that
/// moment waits for the server. Only what passes between the last such moment and the start is the generator's.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    idle_until: Duration,
}

impl Schedule {
    /// The generator had nothing to do from some earlier time to `until`. `next_due`: the next intended send time; a
    /// sleep beyond it is oversleeping.
    pub(super) fn idle(&mut self, until: Duration, next_due: Option<Duration>) {
        let until = next_due.map_or(until, |due| until.min(due));
        self.idle_until = self.idle_until.max(until);
    }

    /// The part of the delay of a request started at `now` that is the generator's.
    pub(super) fn behind(&self, now: Duration, intended: Duration) -> Duration {
        now.saturating_sub(intended.max(self.idle_until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::busy_since_before_it_was_due(5, None, 20, 10, 10)]
    #[case::waited_for_a_connection(18, None, 20, 10, 2)]
    #[case::overslept(18, Some(10), 20, 10, 10)]
    #[case::woken_in_time(10, Some(10), 10, 10, 0)]
    #[case::idle_before_another_was_due(18, Some(15), 20, 10, 5)]
    fn only_the_generators_own_delay_counts(
        #[case] idle_until: u64,
        #[case] next_due: Option<u64>,
        #[case] started: u64,
        #[case] intended: u64,
        #[case] expected: u64,
    ) {
        let millis = Duration::from_millis;
        let mut schedule = Schedule::default();
        schedule.idle(millis(idle_until), next_due.map(millis));
        assert_eq!(schedule.behind(millis(started), millis(intended)), millis(expected));
    }
}
