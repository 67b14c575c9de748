//! How long to wait before a server that ended is started again: nothing at first, then longer each time.

use std::time::Duration;

use jiff::Timestamp;

/// Counts ends in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    in_a_row: u32,
    not_before: Option<Timestamp>,
}

impl Backoff {
    /// The longest wait.
    const MAX: Duration = Duration::from_secs(30);
    /// A server that served for so long has not failed to start: counting begins again.
    const SERVED_WELL: Duration = Duration::from_secs(30);

    /// A server ended by itself after it had served for this long.
    pub(super) fn ended(&mut self, now: Timestamp, served: Duration) {
        self.in_a_row = if served >= Self::SERVED_WELL { 1 } else { self.in_a_row.saturating_add(1) };
        let seconds = match self.in_a_row {
            1 => 0,
            n => 1u64 << (n - 2).min(16),
        };
        self.not_before = Some(now + Duration::from_secs(seconds).min(Self::MAX));
    }

    /// Whether one may be started.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|not_before| now >= not_before)
    }

    /// Servers that ended in a row, none of them having served for half a minute.
    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    #[rstest]
    #[case::the_first_is_replaced_at_once(1, 0)]
    #[case::the_second_a_second_later(2, 1)]
    #[case::then_twice_as_long(4, 4)]
    #[case::but_not_for_ever(40, 30)]
    fn wait_after(#[case] ends: u32, #[case] seconds: i64) {
        let mut backoff = Backoff::default();
        for _ in 0..ends {
            backoff.ended(at(0), Duration::ZERO);
        }
        assert!(backoff.is_over(at(seconds)));
        assert!(seconds == 0 || !backoff.is_over(at(seconds - 1)));
    }

    #[test]
    fn who_served_well_is_replaced_at_once() {
        let mut backoff = Backoff::default();
        for _ in 0..10 {
            backoff.ended(at(0), Duration::ZERO);
        }
        backoff.ended(at(100), Duration::from_secs(60));
        assert!(backoff.is_over(at(100)));
        assert_eq!(backoff.in_a_row(), 1);
    }
}
