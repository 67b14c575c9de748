//! The error budget: good and bad answers of the window, in few buckets.
//!
//! Two rings are kept, because they answer different questions: the last hour in steps of five minutes (how fast is the
//! budget spent), and the whole window in 28 steps (how much is left).

use serde::{Deserialize, Serialize};

use super::look::Look;
use crate::decision::Budget;
use crate::policy::Policy;
use crate::time::Moment;

/// Length of a bucket of the last hour, and the hour, in seconds.
const STEP: f64 = 300.0;
const HOUR: f64 = 3600.0;
/// Buckets of the window: days, where it has its usual length.
const STEPS: f64 = 28.0;
/// Most buckets of a ring, and the largest count that is kept: nothing that is read back may be larger.
const MOST_BUCKETS: usize = 32;
const MOST_COUNT: f64 = 1e15;
/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Answers by outcome over the last hour and over the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Budgets {
    /// Names of the latency objectives, in the order of the late answers in a bucket.
    names: Vec<String>,
    hour: Vec<Bucket>,
    window: Vec<Bucket>,
}

/// Start of the bucket; requests that came to an end, those that failed or were turned away, and the answers that were
/// late by each latency objective.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Bucket(Moment, f64, f64, Vec<f64>);

impl Budgets {
    /// Adds what one look showed.
    pub(super) fn add(&mut self, policy: &Policy, look: &Look, now: Moment) {
        self.follow(policy);
        let window = f64::from(policy.window_days()) * DAY;
        for (ring, step, length) in [(&mut self.hour, STEP, HOUR), (&mut self.window, window / STEPS, window)]
        {
            let expired = ring.iter().take_while(|bucket| now.seconds_since(bucket.0) >= length).count();
            let surplus = (ring.len() + 1).saturating_sub(MOST_BUCKETS);
            ring.drain(..expired.max(surplus));
            if look.finished <= 0.0 {
                continue;
            }
            if ring.last().is_none_or(|bucket| now.seconds_since(bucket.0) >= step) {
                ring.push(Bucket(now, 0.0, 0.0, vec![0.0; policy.latency().len()]));
            }
            if let Some(Bucket(_, finished, failed, late)) = ring.last_mut() {
                (*finished, *failed) = (*finished + look.finished, *failed + look.failed);
                for (sum, value) in late.iter_mut().zip(look.late) {
                    *sum += value;
                }
            }
        }
    }

    /// Budget of the latency objective at `index` of the policy: late, failed and turned away answers are bad.
    pub(crate) fn latency(&self, policy: &Policy, index: usize) -> Option<Budget> {
        let objective = policy.latency().get(index)?;
        let bad = |bucket: &Bucket| bucket.2 + bucket.3.get(index).copied().unwrap_or(0.0);
        self.budget(1.0 - objective.quantile, bad)
    }

    /// Budget of the availability objective: failed and turned away answers are bad.
    pub(crate) fn availability(&self, policy: &Policy) -> Option<Budget> {
        self.budget(1.0 - policy.availability().get(), |bucket| bucket.2)
    }

    /// `None` before anything was answered.
    fn budget(&self, allowed: f64, bad: impl Fn(&Bucket) -> f64) -> Option<Budget> {
        let spent = |ring: &[Bucket]| {
            let finished: f64 = ring.iter().map(|bucket| bucket.1).sum();
            let bad: f64 = ring.iter().map(&bad).sum();
            (finished > 0.0 && allowed > 0.0).then(|| bad / finished / allowed)
        };
        Some(Budget { remaining: 1.0 - spent(&self.window)?, burn_rate: spent(&self.hour) })
    }

    /// Keeps the late answers beside the objectives they belong to when the policy's list changes.
    fn follow(&mut self, policy: &Policy) {
        let same = self.names.len() == policy.latency().len()
            && self.names.iter().zip(policy.latency()).all(|(name, objective)| *name == objective.name);
        if same {
            return;
        }
        let places: Vec<_> = policy
            .latency()
            .iter()
            .map(|objective| self.names.iter().position(|name| *name == objective.name))
            .collect();
        for Bucket(.., late) in self.hour.iter_mut().chain(&mut self.window) {
            let moved = places.iter().map(|place| place.and_then(|p| late.get(p).copied()).unwrap_or(0.0));
            *late = moved.collect();
        }
        self.names = policy.latency().iter().map(|objective| objective.name.clone()).collect();
    }

    /// The same in whole numbers: shorter to write down.
    pub(super) fn rounded(&self) -> Self {
        let mut rounded = self.clone();
        for Bucket(_, finished, failed, late) in rounded.hour.iter_mut().chain(&mut rounded.window) {
            for value in [finished, failed].into_iter().chain(late) {
                *value = value.round();
            }
        }
        rounded
    }

    /// Whether it could have been counted: what is read back was in other hands.
    pub(super) fn is_plausible(&self) -> bool {
        let count = |value: &f64| (0.0..=MOST_COUNT).contains(value);
        let bucket = |Bucket(_, finished, failed, late): &Bucket| {
            [finished, failed].into_iter().chain(late).all(count) && late.len() <= Policy::MAX_OBJECTIVES
        };
        self.names.len() <= Policy::MAX_OBJECTIVES
            && self.hour.len().max(self.window.len()) <= MOST_BUCKETS
            && self.hour.iter().chain(&self.window).all(bucket)
    }
}
