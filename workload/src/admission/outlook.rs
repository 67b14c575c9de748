//! What an arrival that finds no free slot has to expect, decided from a few numbers, so that it is decided alike under
//! the lock and without it.

use super::class::Class;
use super::tally::Rejection;
use crate::clock::Nanos;

/// The queue as an arrival sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outlook {
    /// Requests that wait, by class.
    pub(super) waiting: [u32; Class::COUNT],
    /// Requests that may wait.
    pub(super) length: u32,
    /// Requests that may run.
    pub(super) slots: u64,
    /// How long a slot is held, on average.
    pub(super) hold: Nanos,
    /// The longest wait an arrival may expect.
    pub(super) bound: Nanos,
    /// Whether the server stops.
    pub(super) stopping: bool,
}

impl Outlook {
    /// Why a request of this class may not even wait, if so.
    pub(super) fn refuses(&self, class: Class) -> Option<Rejection> {
        let before: u32 = self.waiting[..=class.index()].iter().sum();
        let all: u32 = self.waiting.iter().sum();
        let reason = if all >= self.length && before == all {
            Rejection::QueueFull
        } else if self.is_too_long(before) {
            Rejection::DelayBound
        } else {
            return None;
        };
        // Once the server stops, that is the reason for all for which there is no room.
        Some(if self.stopping { Rejection::Draining } else { reason })
    }

    /// The time in which all that waits would be admitted.
    pub(super) fn backlog(&self) -> Nanos {
        self.time_for(self.waiting.iter().sum())
    }

    fn is_too_long(&self, before: u32) -> bool {
        // Somebody waits for each slot at least: a slot that becomes free must not stay so for an expectation.
        u64::from(before) >= self.slots && self.time_for(before + 1) > self.bound
    }

    fn time_for(&self, requests: u32) -> Nanos {
        Nanos(self.hold.0.saturating_mul(u64::from(requests)) / self.slots.max(1))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const CALM: Outlook = Outlook {
        waiting: [0, 0, 2, 0],
        length: 10,
        slots: 2,
        hold: Nanos(20),
        bound: Nanos(30),
        stopping: false,
    };

    #[rstest]
    #[case::room(CALM, Class::Normal, None)]
    #[case::full(Outlook { length: 2, ..CALM }, Class::Normal, Some(Rejection::QueueFull))]
    #[case::full_of_less_important(Outlook { length: 2, ..CALM }, Class::High, None)]
    #[case::nothing_may_wait(Outlook { length: 0, waiting: [0; 4], ..CALM }, Class::Normal, Some(Rejection::QueueFull))]
    #[case::too_long(Outlook { waiting: [0, 0, 3, 0], ..CALM }, Class::Normal, Some(Rejection::DelayBound))]
    #[case::passes_others(Outlook { waiting: [0, 0, 3, 0], ..CALM }, Class::High, None)]
    #[case::one_for_each_slot(Outlook { waiting: [0, 0, 1, 0], hold: Nanos(99), ..CALM }, Class::Normal, None)]
    #[case::stopping(Outlook { length: 2, stopping: true, ..CALM }, Class::Normal, Some(Rejection::Draining))]
    fn an_arrival_is_refused_for_length_and_delay(
        #[case] outlook: Outlook,
        #[case] class: Class,
        #[case] expected: Option<Rejection>,
    ) {
        assert_eq!(outlook.refuses(class), expected);
    }
}
