//! When the level changes, as plain code: what was seen comes in each second with its time, the level comes out.
//!
//! Up at once, as soon as a rule has held for its time. Down one level at a time, after the level was kept for its time
//! and what led to it has fallen clearly below: what is given up less brings the load back, so it is tried in steps.

use std::time::Duration;

use super::level::BrownoutLevel;
use super::rules::{Conditions, Rule, RuleFile};
use crate::clock::Nanos;

#[cfg(test)]
mod tests;

/// The share of a threshold below which it is calm again.
const CALM: f64 = 0.8;
/// How long a level is kept that no rule is about any more.
const HOLD: Duration = Duration::from_secs(10);

/// The load of the last second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Load {
    /// CPU time of the process over that of its workers' CPUs.
    pub(super) cpu_share: f64,
    /// Mean wait for admission, in seconds.
    pub(super) queue_seconds: f64,
    /// Share of the arrivals that were turned away for overload.
    pub(super) shed_share: f64,
}

/// The level and how it came to it.
#[derive(Debug)]
pub(super) struct Machine {
    rules: Vec<Watched>,
    level: BrownoutLevel,
    /// Since when it has this level.
    since: Nanos,
}

#[derive(Debug)]
struct Watched {
    rule: Rule,
    /// Since when it holds.
    holds_since: Option<Nanos>,
    /// Whether it held, and has not been calm since.
    is_on: bool,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self { rules: Vec::new(), level: BrownoutLevel::Full, since: Nanos::default() }
    }

    /// Other rules from now on. The level stays until they say otherwise.
    pub(super) fn replace(&mut self, file: RuleFile) {
        let watched = |rule| Watched { rule, holds_since: None, is_on: false };
        self.rules = file.rules.into_iter().map(watched).collect();
    }

    /// The level after a second with that load.
    pub(super) fn observe(&mut self, now: Nanos, load: Load) -> BrownoutLevel {
        self.rules.iter_mut().for_each(|watched| watched.observe(now, load));
        let on = self.rules.iter().filter(|watched| watched.is_on);
        let wanted = on.map(|watched| watched.rule.level).max().unwrap_or_default();
        if wanted > self.level {
            (self.level, self.since) = (wanted, now);
        } else if wanted < self.level && now - self.since >= self.hold().into() {
            (self.level, self.since) = (self.level.below().max(wanted), now);
        }
        self.level
    }

    /// How long the present level is kept at least.
    fn hold(&self) -> Duration {
        let about_it = self.rules.iter().filter(|watched| watched.rule.level == self.level);
        about_it.map(|watched| watched.rule.hold).max().unwrap_or(HOLD)
    }
}

impl Watched {
    fn observe(&mut self, now: Nanos, load: Load) {
        if !self.rule.when.hold(load, 1.0) {
            self.holds_since = None;
            // Between calm and the threshold nothing changes.
            self.is_on &= self.rule.when.hold(load, CALM);
            return;
        }
        let since = *self.holds_since.get_or_insert(now);
        self.is_on |= now - since >= self.rule.lasting.into();
    }
}

impl Conditions {
    /// Whether all of them are at this share of their thresholds or above.
    fn hold(&self, load: Load, share: f64) -> bool {
        let percent = |limit: Option<f64>| limit.map(|limit| limit / 100.0);
        let delay = self.queue_delay.map(|delay| delay.as_secs_f64());
        [
            (percent(self.cpu_percent), load.cpu_share),
            (delay, load.queue_seconds),
            (percent(self.shed_percent), load.shed_share),
        ]
        .into_iter()
        .all(|(limit, value)| limit.is_none_or(|limit| value >= share * limit))
    }
}
