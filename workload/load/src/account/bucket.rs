//! The requests intended in one second, while some of them are still on their way.

use super::tally::{self, Judgement, Outcome};
use crate::report::Second;
use hdrhistogram::Histogram;
use std::time::Duration;

/// One second that is not final yet.
#[derive(Debug)]
pub(super) struct Bucket {
    counts: Second,
    /// Requests that have not ended.
    open: u64,
    behind: Duration,
    latency: Histogram<u32>,
}

impl Bucket {
    /// `latency` is empty.
    pub(super) fn new(second: u64, latency: Histogram<u32>) -> Self {
        Self { counts: Second { second, ..Second::default() }, open: 0, behind: Duration::ZERO, latency }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.open == 0
    }

    pub(super) fn intend(&mut self) {
        self.counts.intended += 1;
        self.open += 1;
    }

    pub(super) fn start(&mut self, behind: Duration) {
        self.behind = self.behind.max(behind);
    }

    pub(super) fn sent(&mut self) {
        self.counts.sent += 1;
    }

    pub(super) fn end(&mut self, outcome: Outcome, judgement: Judgement) {
        self.open = self.open.saturating_sub(1);
        match judgement {
            Judgement::Good => self.counts.good += 1,
            Judgement::Late => self.counts.late += 1,
            Judgement::Failed => self.counts.failed += 1,
            Judgement::Neither => {}
        }
        self.counts.rejected += u64::from(outcome.is_rejection());
        if let Some(latency) = outcome.success() {
            tally::record(&mut self.latency, latency);
        }
    }

    /// The row, and the histogram, emptied, for the next second.
    pub(super) fn finish(mut self) -> (Second, Histogram<u32>) {
        let row = Second {
            p50_seconds: tally::seconds_at(&self.latency, 0.5),
            p99_seconds: tally::seconds_at(&self.latency, 0.99),
            max_seconds: tally::seconds_at(&self.latency, 1.0),
            behind_seconds: self.behind.as_secs_f64(),
            ..self.counts
        };
        self.latency.clear();
        (row, self.latency)
    }
}
