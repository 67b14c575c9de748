//! Requests that were admitted and then failed because of an open breaker: in `/stats` they are rejected, not admitted.
//!
//! A counter of Prometheus that falls has begun anew, so the count of the admitted must not fall when one of them turns
//! out to be rejected. Such a request is taken off what is admitted next.

/// How many of them are out of the count of the admitted.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    admitted: u64,
    settled: u64,
}

impl Settlement {
    /// Of `admitted` requests `failed` turned out to be rejected, both counted since the start. Returns the two counts
    /// as they are shown: their sum is `admitted`, and neither falls from one time to the next.
    pub(crate) fn settle(&mut self, admitted: u64, failed: u64) -> (u64, u64) {
        let room = admitted.saturating_sub(self.admitted);
        self.settled += failed.saturating_sub(self.settled).min(room);
        self.admitted = self.admitted.max(admitted);
        (admitted - self.settled.min(admitted), self.settled)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_failed_is_taken_off_what_is_admitted_next() {
        let mut settlement = Settlement::default();
        assert_eq!(settlement.settle(10, 0), (10, 0));
        assert_eq!(settlement.settle(10, 3), (10, 0));
        assert_eq!(settlement.settle(12, 3), (10, 2));
        assert_eq!(settlement.settle(20, 3), (17, 3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn neither_falls_and_both_add_up(steps in prop::collection::vec((0u64..5, 0u64..5), 1..50)) {
            let mut settlement = Settlement::default();
            let (mut admitted, mut failed, mut before) = (0, 0, (0, 0));
            for (more, fail) in steps {
                admitted += more;
                failed = (failed + fail).min(admitted);
                let shown = settlement.settle(admitted, failed);
                prop_assert_eq!(shown.0 + shown.1, admitted);
                prop_assert!(shown.0 >= before.0 && shown.1 >= before.1 && shown.1 <= failed);
                before = shown;
            }
        }
    }
}
