//! Counts what becomes of every request, in total, by target and by intended second.

#[cfg(test)]
mod tests;

use super::bucket::Bucket;
use super::tally::{self, Outcome};
use super::{Failure, Objective};
use crate::report::{Counts, Second};
use hdrhistogram::{CreationError, Histogram};
use std::collections::VecDeque;
use std::time::Duration;

/// A start later than this by the generator's own doing makes a request count as behind.
const BEHIND: Duration = Duration::from_millis(10);
/// Starts further behind than this are recorded as this.
const LONGEST_BEHIND: Duration = Duration::from_mins(10);

/// The books of a run. Times are those since the start of the warm-up; its requests are not counted.
#[derive(Debug)]
pub struct Ledger {
    warm_up: Duration,
    objectives: Vec<Objective>,
    limit: Option<Duration>,
    targets: Vec<TargetTally>,
    totals: Totals,
    /// Seconds that are not final, the first being `next_second`.
    open: VecDeque<Bucket>,
    next_second: u64,
    /// An empty histogram to make others like it, and used ones to save making them.
    template: Histogram<u32>,
    spare: Vec<Histogram<u32>>,
    /// Every request that has ended, if they are kept.
    log: Option<Vec<Ended>>,
}

/// One request that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When it was intended, since the start of the warm-up.
    pub intended: Duration,
    /// Index of its target.
    pub target: usize,
    /// What became of it.
    pub outcome: Outcome,
}

#[derive(Debug)]
pub(super) struct TargetTally {
    pub(super) counts: Counts,
    pub(super) latency: Histogram<u64>,
}

/// What is not kept by target.
#[derive(Debug)]
pub struct Totals {
    /// For each objective, successful answers over its threshold.
    pub(super) over: Vec<u64>,
    pub(super) behind: Histogram<u64>,
    /// Requests that started more than [`BEHIND`] late or for which no port or descriptor was left.
    pub(super) own_fault: u64,
    pub(super) bad_seconds: u64,
    pub(super) seconds: u64,
}

impl Ledger {
    /// `timeout` is the longest latency of an answer.
    pub fn new(
        targets: usize,
        objectives: Vec<Objective>,
        timeout: Duration,
        warm_up: Duration,
    ) -> Result<Self, CreationError> {
        let empty = tally::histogram(timeout)?;
        let target = || TargetTally { counts: Counts::default(), latency: empty.clone() };
        Ok(Self {
            warm_up,
            limit: Objective::limit_of_one(&objectives),
            targets: (0..targets).map(|_| target()).collect(),
            totals: Totals {
                over: vec![0; objectives.len()],
                behind: tally::histogram(LONGEST_BEHIND)?,
                own_fault: 0,
                bad_seconds: 0,
                seconds: 0,
            },
            objectives,
            open: VecDeque::new(),
            next_second: 0,
            template: tally::histogram(timeout)?,
            spare: Vec::new(),
            log: None,
        })
    }

    /// Keeps every request as well, for those who look closer than at a second. It takes 48 bytes a request.
    #[must_use]
    pub fn keep_log(self) -> Self {
        Self { log: Some(Vec::new()), ..self }
    }

    /// The requests that have ended, in that order; none unless they are kept.
    pub fn take_log(&mut self) -> Vec<Ended> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A request is due: it counts from now on, whatever becomes of it.
    pub fn intend(&mut self, at: Duration, target: usize) {
        let Some(second) = self.second_of(at) else { return };
        self.targets[target].counts.intended += 1;
        while self.next_second + self.open.len() as u64 <= second {
            self.open_second();
        }
        if let Some(bucket) = self.bucket(second) {
            bucket.intend();
        }
    }

    /// The generator has taken up a request, this much behind its schedule by its own doing.
    pub fn start(&mut self, at: Duration, behind: Duration) {
        let Some(second) = self.second_of(at) else { return };
        tally::record(&mut self.totals.behind, behind);
        self.totals.own_fault += u64::from(behind > BEHIND);
        if let Some(bucket) = self.bucket(second) {
            bucket.start(behind);
        }
    }

    /// The first bytes of a request are written.
    pub fn sent(&mut self, at: Duration, target: usize) {
        let Some(second) = self.second_of(at) else { return };
        self.targets[target].counts.sent += 1;
        if let Some(bucket) = self.bucket(second) {
            bucket.sent();
        }
    }

    /// A request has ended. Once for each that was intended.
    pub fn end(&mut self, at: Duration, target: usize, outcome: Outcome) {
        let Some(second) = self.second_of(at) else { return };
        if let Some(log) = &mut self.log {
            log.push(Ended { intended: at, target, outcome });
        }
        let judgement = outcome.judge(self.limit);
        let of_target = &mut self.targets[target];
        tally::count(&mut of_target.counts, outcome, judgement);
        if let Some(latency) = outcome.success() {
            tally::record(&mut of_target.latency, latency);
            for (over, objective) in self.totals.over.iter_mut().zip(&self.objectives) {
                *over += u64::from(latency > objective.threshold);
            }
        }
        self.totals.own_fault += u64::from(outcome == Outcome::Failed(Failure::Local));
        if let Some(bucket) = self.bucket(second) {
            bucket.end(outcome, judgement);
        }
    }

    /// The next second that is final: over at `passed`, up to which every request has been intended, and with no
    /// request left that has not ended.
    pub fn next_final(&mut self, passed: Duration) -> Option<Second> {
        if self.end_of_next() > passed || self.open.front().is_some_and(|bucket| !bucket.is_closed()) {
            return None;
        }
        if self.open.is_empty() {
            self.open_second();
        }
        let (row, histogram) = self.open.pop_front()?.finish();
        self.spare.push(histogram);
        self.next_second += 1;
        self.totals.seconds += 1;
        self.totals.bad_seconds += u64::from(row.is_bad());
        Some(row)
    }

    /// When the next second to become final is over.
    pub fn end_of_next(&self) -> Duration {
        self.warm_up + Duration::from_secs(self.next_second + 1)
    }

    /// The end of the second that `time` lies in, or `time` itself if that is where a second ends.
    pub fn end_of_second(&self, time: Duration) -> Duration {
        let counted = time.saturating_sub(self.warm_up);
        let seconds = counted.as_secs() + u64::from(counted.subsec_nanos() > 0);
        self.warm_up + Duration::from_secs(seconds)
    }

    pub(super) fn into_parts(self) -> (Vec<Objective>, Vec<TargetTally>, Totals) {
        (self.objectives, self.targets, self.totals)
    }

    /// What has been counted so far, over all targets.
    pub fn counts(&self) -> Counts {
        self.targets.iter().fold(Counts::default(), |sum, target| sum.plus(&target.counts))
    }

    fn open_second(&mut self) {
        let histogram = self.spare.pop().unwrap_or_else(|| Histogram::new_from(&self.template));
        self.open.push_back(Bucket::new(self.next_second + self.open.len() as u64, histogram));
    }

    /// The second a request counts in; `None` within the warm-up.
    fn second_of(&self, at: Duration) -> Option<u64> {
        at.checked_sub(self.warm_up).map(|time| time.as_secs())
    }

    fn bucket(&mut self, second: u64) -> Option<&mut Bucket> {
        let index = second.checked_sub(self.next_second)?;
        self.open.get_mut(index as usize)
    }
}
