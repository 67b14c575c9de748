//! When a breaker is open, as plain code: results come in with their times, and it says who may call.
//!
//! Closed, it counts results in a sliding window. Once more than the allowed share of enough calls have failed it
//! opens, and nobody may call. After a while a few calls may try (half-open): if all of them succeed it closes, and the
//! first that fails opens it again.

use std::time::Duration;

use crate::clock::Nanos;

#[cfg(test)]
mod tests;

/// When a breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerRules {
    /// The share of failed calls, 0 to 1, above which it opens. Default: 0.05.
    pub failure_share: f64,
    /// The time over which calls are counted. Default: 10 s.
    pub window: Duration,
    /// Calls in that time below which it stays closed: one failure of three says little. Default: 20.
    pub least_calls: u32,
    /// How long it stays open. Default: 5 s.
    pub open: Duration,
    /// Calls that try after that, at the same time and in all. Default: 5; at least 1.
    pub probes: u32,
}

/// What a breaker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// A few calls try.
    HalfOpen,
    /// No call goes through.
    Open,
}

/// The state of one breaker.
#[derive(Debug)]
pub(super) struct Machine {
    rules: BreakerRules,
    phase: Phase,
    /// Results since it was closed.
    window: Window,
    /// Counts the phases, so that the result of a call that began in an earlier one is told apart.
    epoch: u64,
}

/// The right to call. Its result is to be told, whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    epoch: u64,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallResult {
    /// The other side does its work.
    Success,
    /// It does not.
    Failure,
    /// It can't be told: the caller lost interest.
    Unknown,
}

/// Why nobody may call, and from when on it may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) retry_after: Nanos,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Open { until: Nanos },
    HalfOpen { trying: u32, succeeded: u32 },
}

/// Parts of the window: results are forgotten a part at a time.
const PARTS: usize = 20;

/// Results of the last while.
#[derive(Debug, Clone, Default)]
struct Window {
    parts: [Part; PARTS],
}

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// The number of this part since the clock's start; the place in the window is its remainder.
    number: u64,
    calls: u32,
    failures: u32,
}

impl Default for BreakerRules {
    fn default() -> Self {
        Self {
            failure_share: 0.05,
            window: Duration::from_secs(10),
            least_calls: 20,
            open: Duration::from_secs(5),
            probes: 5,
        }
    }
}

impl Machine {
    pub(super) fn new(rules: BreakerRules) -> Self {
        Self { rules, phase: Phase::Closed, window: Window::default(), epoch: 0 }
    }

    /// Whether a call may begin at `now`.
    pub(super) fn ask(&mut self, now: Nanos) -> Result<Pass, Refused> {
        if matches!(self.phase, Phase::Open { until } if until <= now) {
            self.enter(Phase::HalfOpen { trying: 0, succeeded: 0 });
        }
        match &mut self.phase {
            Phase::Closed => {}
            Phase::Open { until } => return Err(Refused { retry_after: *until - now }),
            // Those that try decide: the others need not wait for long.
            Phase::HalfOpen { trying, succeeded } if *trying + *succeeded >= self.rules.probes.max(1) => {
                return Err(Refused { retry_after: Nanos::default() });
            }
            Phase::HalfOpen { trying, .. } => *trying += 1,
        }
        Ok(Pass { epoch: self.epoch })
    }

    /// A call has ended.
    pub(super) fn tell(&mut self, now: Nanos, pass: Pass, result: CallResult) {
        if pass.epoch != self.epoch {
            return;
        }
        let rules = self.rules;
        match &mut self.phase {
            Phase::Closed => {
                self.window.add(now, rules, result);
                if self.window.is_bad(now, rules) {
                    self.open(now);
                }
            }
            Phase::HalfOpen { trying, succeeded } => {
                *trying = trying.saturating_sub(1);
                *succeeded += u32::from(result == CallResult::Success);
                if result == CallResult::Failure {
                    self.open(now);
                } else if *succeeded >= rules.probes.max(1) {
                    self.window = Window::default();
                    self.enter(Phase::Closed);
                }
            }
            Phase::Open { .. } => {}
        }
    }

    pub(super) fn state(&self, now: Nanos) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { until } if until > now => BreakerState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn open(&mut self, now: Nanos) {
        self.enter(Phase::Open { until: now + self.rules.open.into() });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
    }
}

impl Window {
    fn add(&mut self, now: Nanos, rules: BreakerRules, result: CallResult) {
        if result == CallResult::Unknown {
            return;
        }
        let number = number_at(now, rules);
        let part = &mut self.parts[number as usize % PARTS];
        if part.number != number {
            *part = Part { number, ..Part::default() };
        }
        part.calls += 1;
        part.failures += u32::from(result == CallResult::Failure);
    }

    fn is_bad(&self, now: Nanos, rules: BreakerRules) -> bool {
        let number = number_at(now, rules);
        let recent = self.parts.iter().filter(|part| part.number + PARTS as u64 > number);
        let (calls, failures) =
            recent.fold((0, 0), |(calls, failures), part| (calls + part.calls, failures + part.failures));
        calls >= rules.least_calls.max(1) && f64::from(failures) > rules.failure_share * f64::from(calls)
    }
}

fn number_at(now: Nanos, rules: BreakerRules) -> u64 {
    let part = Nanos::from(rules.window).0 / PARTS as u64;
    now.0 / part.max(1)
}
