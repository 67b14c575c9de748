//! What a worker measures of the requests it runs, in windows without a timer, and the limits that follow from it.

use std::cell::RefCell;

use crate::admission::{Home, Limiter, Window};
use crate::clock::Nanos;
use crate::host::thread_cpu_seconds;

/// Measurements of one worker.
#[derive(Debug)]
pub(super) struct Gauge {
    home: Home,
    objective: Option<Nanos>,
    state: RefCell<State>,
}

/// How one request ran.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) admitted: Nanos,
    pub(super) started: Nanos,
    pub(super) ended: Nanos,
    /// The time for which it kept the thread, and in how many parts.
    pub(super) burst: Nanos,
    pub(super) polls: u32,
    /// Whether its body is still being made.
    pub(super) streams: bool,
}

#[derive(Debug)]
struct State {
    /// `None` where the limit is not adaptive.
    limiter: Option<Limiter>,
    window: Window,
    began: Nanos,
    cpu: f64,
    durations: Durations,
}

/// The shortest window.
const WINDOW: Nanos = Nanos(100_000_000);
/// The part of an objective that a handler may take: the rest is for waiting, and for the way.
const IN_HANDLER: f64 = 0.8;
/// The fewest requests from which anything is concluded.
const FEWEST: u32 = 10;

impl Gauge {
    pub(super) fn new(home: Home, objective: Option<Nanos>, limiter: Option<Limiter>) -> Self {
        let state = State {
            limiter,
            window: Window::default(),
            began: Nanos::default(),
            cpu: 0.0,
            durations: Durations::default(),
        };
        Self { home, objective, state: RefCell::new(state) }
    }

    /// One more request has run; its slot is still held.
    pub(super) fn ran(&self, run: Run) {
        let state = &mut *self.state.borrow_mut();
        let service = run.ended - run.started;
        if state.began == Nanos::default() {
            // The first window begins with the first request.
            (state.began, state.cpu) = (run.started, thread_cpu_seconds() - run.burst.0 as f64 * 1e-9);
        }
        let window = &mut state.window;
        window.requests += 1;
        window.late +=
            u32::from(self.objective.is_some_and(|objective| service > objective.scaled(IN_HANDLER)));
        window.streamed += u32::from(run.streams);
        window.service = window.service + service;
        window.burst = window.burst + run.burst;
        window.delay = window.delay + (run.started - run.admitted);
        window.polls += u64::from(run.polls);
        window.peak = window.peak.max(self.home.slots().held);
        state.durations.add(service);
        if window.requests >= FEWEST && run.ended - state.began >= WINDOW {
            self.step(state, run.ended);
        }
    }

    fn step(&self, state: &mut State, now: Nanos) {
        let cpu = thread_cpu_seconds();
        state.window.cpu = Nanos(((cpu - state.cpu) * 1e9) as u64);
        state.window.elapsed = now - state.began;
        state.window.objective = self.objective.unwrap_or_default();
        state.window.hold = self.home.mean_hold();
        self.home.set_pace(state.durations.quantile(0.9), state.durations.quantile(0.99));
        state.durations.age();
        if let Some(limiter) = &mut state.limiter {
            let limit = limiter.step(&state.window);
            self.home.set_limit(now, limit.unwrap_or(u32::MAX));
        }
        (state.window, state.began, state.cpu) = (Window::default(), now, cpu);
    }
}

/// Recent durations, older ones weighing less: eight buckets for each power of two.
#[derive(Debug)]
struct Durations {
    buckets: [f32; BUCKETS],
    total: f32,
}

const SUB_BITS: u32 = 3;
/// Up to 2^27 us, over two minutes.
const BUCKETS: usize = ((27 - SUB_BITS as usize + 1) << SUB_BITS) + 1;

impl Default for Durations {
    fn default() -> Self {
        Self { buckets: [0.0; BUCKETS], total: 0.0 }
    }
}

impl Durations {
    fn add(&mut self, duration: Nanos) {
        self.buckets[bucket(duration.micros())] += 1.0;
        self.total += 1.0;
    }

    /// What this share of them keeps to.
    fn quantile(&self, share: f32) -> Nanos {
        let mut above = self.total * (1.0 - share);
        let slowest = (0..BUCKETS).rev().find(|bucket| {
            above -= self.buckets[*bucket];
            above < 0.0
        });
        Nanos(slowest.map_or(0, upper) * 1000)
    }

    /// A tenth of what is known is forgotten: a second or so after a change, that is what counts.
    fn age(&mut self) {
        self.buckets.iter_mut().for_each(|count| *count *= 0.9);
        self.total = self.buckets.iter().sum();
    }
}

fn bucket(micros: u64) -> usize {
    let exponent = micros.max(1).ilog2().saturating_sub(SUB_BITS);
    (((exponent as usize) << SUB_BITS) + (micros >> exponent) as usize).min(BUCKETS - 1)
}

/// The end of a bucket, in microseconds.
fn upper(bucket: usize) -> u64 {
    let exponent = (bucket >> SUB_BITS).saturating_sub(1);
    ((bucket - (exponent << SUB_BITS)) as u64 + 1) << exponent
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_slowest_of_a_hundred_are_left_out() {
        let mut durations = Durations::default();
        for count in 1..=1000 {
            durations.add(Nanos(count * 1_000_000));
        }
        let slow = durations.quantile(0.99).0 / 1_000_000;
        assert!((990..=1100).contains(&slow), "{slow} ms");
    }

    #[test]
    fn what_was_is_forgotten() {
        let mut durations = Durations::default();
        for _ in 0..1000 {
            durations.add(Nanos(1_000_000_000));
        }
        for _ in 0..60 {
            durations.age();
            (0..100).for_each(|_| durations.add(Nanos(1_000_000)));
        }
        assert!(durations.quantile(0.99) < Nanos(2_000_000), "{durations:?}");
    }

    #[test]
    fn nothing_is_known_at_first() {
        assert_eq!(Durations::default().quantile(0.99), Nanos(0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn a_bucket_ends_at_most_an_eighth_above_what_is_in_it(micros in 0u64..1 << 27) {
            let upper = upper(bucket(micros));
            prop_assert!(upper > micros && upper as f64 <= (micros as f64 * 1.13).max(micros as f64 + 1.0), "{upper}");
        }
    }
}
