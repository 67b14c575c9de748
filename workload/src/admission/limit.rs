//! How many requests a worker runs at the same time when that is not set: as many as its CPU can use, and fewer while
//! more make the handlers late. One step for each window of measurements; a worker decides for itself.

use crate::clock::Nanos;

/// Handlers that keep the thread for less run where they are: to serve one costs less than 20 times what it costs to
/// turn it away, so the server rather stops reading.
const CHEAP_BURST: Nanos = Nanos(50_000 * SLOW_BUILD);
/// The same for all that the thread does for a request. The clock may show a long burst because the thread had lost its
/// CPU; this one does not.
const CHEAP_CPU: Nanos = Nanos(100_000 * SLOW_BUILD);
/// Without optimisation everything costs about ten times as much.
const SLOW_BUILD: u64 = if cfg!(debug_assertions) { 10 } else { 1 };
/// Windows in a row after which handlers count as costly: on a machine that is short of CPU any of them looks so for a
/// moment.
const CONVINCING: u32 = 3;
/// The share of late requests that an objective allows.
const LATE: f64 = 0.01;
/// The part of the objective that a handler may take on average: several that wait in line behind it vary by a fifth or
/// a quarter, and the rest is for waiting before it, and for the way.
const ON_AVERAGE: f64 = 0.4;
/// Windows for which a limit that did not help is not tried again the first time, and at most.
const HOLD_OFF: u32 = 100;
const LONGEST_HOLD_OFF: u32 = 3200;
/// What counts of a window one window later: of the late requests, and of the rate.
const FADES: f64 = 0.7;
const RATE_FADES: f64 = 0.9;
/// Handlers that take longer than this times what they may on average are too slow, and not just a bit above.
const SLOW: f64 = 1.5;
/// With one at a time there is nothing to compare.
const FEWEST: f64 = 2.0;
/// A limit helps if it lowers the time in the handlers to this part.
const HELPS: f64 = 0.8;
/// It has been tried when it is this part of what was there before.
const TRIED: f64 = 0.6;

/// What was measured between two steps.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    pub(crate) requests: u32,
    /// Of these, beyond the objective in their handlers alone.
    pub(crate) late: u32,
    /// Of these, whose bodies were still made when their handlers had ended.
    pub(crate) streamed: u32,
    /// From the first to the last moment in the handlers.
    pub(crate) service: Nanos,
    /// Time in which they kept the thread.
    pub(crate) burst: Nanos,
    /// From admission to the first moment in the handlers.
    pub(crate) delay: Nanos,
    /// How often the handlers ran: once, and once after each wait.
    pub(crate) polls: u64,
    /// CPU time of the thread.
    pub(crate) cpu: Nanos,
    pub(crate) elapsed: Nanos,
    /// The longest that 99 of 100 requests may take; zero if nobody has said.
    pub(crate) objective: Nanos,
    /// The most requests at the same time.
    pub(crate) peak: u32,
    /// Running mean of how long a slot is held.
    pub(crate) hold: Nanos,
}

/// The limit of one worker.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    cpu: CpuLimit,
    latency: LatencyLimit,
}

/// As many as keep the CPU busy while some of them wait for something else.
#[derive(Debug, Default)]
struct CpuLimit {
    /// Smoothed concurrency at which the CPU has just enough to do; `None` while handlers are cheap.
    natural: Option<f64>,
    limit: Option<u32>,
    /// Windows in a row in which they were not.
    costly: u32,
}

/// By Little's law: as many as are answered at the rate seen within a part of the objective.
#[derive(Debug)]
struct LatencyLimit {
    limit: Option<f64>,
    /// Decaying counts.
    requests: f64,
    late: f64,
    trial: Option<Trial>,
    /// Answers in a nanosecond: the most of the last windows, older ones counting less. A moment without CPU lowers the
    /// rate of one window, and not what can be answered.
    rate: f64,
    hold_off: u32,
    /// Windows to hold off after the next limit that does not help.
    patience: u32,
}

/// A series of decreases: it goes on only if it helps.
#[derive(Debug, Clone, Copy)]
struct Trial {
    limit: f64,
    service: f64,
}

impl Limiter {
    /// The limit after one more window; `None` for no limit.
    pub(crate) fn step(&mut self, window: &Window) -> Option<u32> {
        let cpu = self.cpu.step(window);
        let latency = self.latency.step(window);
        cpu.into_iter().chain(latency).min()
    }
}

impl Window {
    fn each(&self, sum: Nanos) -> f64 {
        sum.0 as f64 / f64::from(self.requests.max(1))
    }

    /// Answers in a nanosecond.
    fn rate(&self) -> f64 {
        f64::from(self.requests) / self.elapsed.0.max(1) as f64
    }

    /// How long handlers may take on average, in nanoseconds.
    fn target(&self) -> f64 {
        self.objective.0 as f64 * ON_AVERAGE
    }

    /// How many requests keep the CPU busy: the time that one takes when it waits for no other, by the time for which it
    /// keeps the thread.
    fn natural(&self) -> f64 {
        let burst = self.each(self.burst).max(1.0);
        let polls = self.polls as f64 / f64::from(self.requests.max(1));
        // A handler that wakes up waits for the thread as long as a new one does.
        let service = self.each(self.service) - self.each(self.delay) * (polls - 1.0);
        let held = if self.streamed > 0 { self.hold.0 as f64 } else { 0.0 };
        (service.max(held) / burst).max(1.0)
    }
}

impl CpuLimit {
    fn step(&mut self, window: &Window) -> Option<u32> {
        // Not back and forth between two kinds that are nearly equal.
        let cheap = if self.natural.is_some() { CHEAP_BURST.scaled(0.7) } else { CHEAP_BURST };
        if window.each(window.burst) < cheap.0 as f64 || window.each(window.cpu) < CHEAP_CPU.0 as f64 {
            *self = Self::default();
            return None;
        }
        self.costly += 1;
        if self.costly < CONVINCING {
            return None;
        }
        let measured = window.natural();
        let natural = self.natural.map_or(measured, |before| f64::midpoint(before, measured));
        self.natural = Some(natural);
        let wanted = with_spare(natural);
        // A thread that has no time left gains nothing by more.
        let used_up = window.cpu > window.elapsed.scaled(0.9);
        self.limit = match self.limit {
            Some(limit) if used_up => Some(limit.min(wanted)),
            _ => Some(wanted),
        };
        self.limit
    }
}

/// Waits vary: with just the natural number the CPU would idle now and then. What only computes needs no spare.
fn with_spare(natural: f64) -> u32 {
    if natural < 1.2 { 1 } else { (natural + 2.0 * (natural - 1.0).sqrt()).ceil() as u32 }
}

impl Default for LatencyLimit {
    fn default() -> Self {
        Self {
            limit: None,
            requests: 0.0,
            late: 0.0,
            trial: None,
            rate: 0.0,
            hold_off: 0,
            patience: HOLD_OFF,
        }
    }
}

impl LatencyLimit {
    fn step(&mut self, window: &Window) -> Option<u32> {
        self.requests = self.requests * FADES + f64::from(window.requests);
        self.late = self.late * FADES + f64::from(window.late);
        self.rate = (self.rate * RATE_FADES).max(window.rate());
        self.hold_off = self.hold_off.saturating_sub(1);
        match self.limit {
            Some(limit) => self.follow(limit, window),
            // One may always be late: of a few requests it would be too large a share.
            None if self.hold_off == 0 && self.late > 1.0 + self.requests * LATE => self.begin(window),
            None => {}
        }
        self.limit.map(|limit| limit as u32)
    }

    /// Handlers are late: perhaps because they are too many.
    fn begin(&mut self, window: &Window) {
        let peak = f64::from(window.peak);
        self.trial = Some(Trial { limit: peak, service: window.each(window.service) });
        self.limit = Some(self.in_time(window).min(peak).max(FEWEST));
    }

    fn follow(&mut self, limit: f64, window: &Window) {
        let peak = f64::from(window.peak);
        // What is still there from before a lower limit says nothing about that, and one that is not reached is not
        // the cause of anything.
        if peak > limit * 1.2 + 1.0 || peak < limit.floor() {
            return;
        }
        let service = window.each(window.service);
        let is_slow = service > window.target() * SLOW;
        match self.trial {
            Some(trial) if !is_slow || service <= trial.service * HELPS => {
                (self.trial, self.patience) = (None, HOLD_OFF);
            }
            Some(trial) if limit <= trial.limit * TRIED => return self.give_up(),
            None if is_slow => self.trial = Some(Trial { limit, service }),
            Some(_) | None => {}
        }
        let wanted = self.in_time(window).clamp(limit * 0.5, limit * 2.0);
        self.limit = Some(f64::midpoint(limit, wanted).max(FEWEST));
    }

    /// How many are answered, at the rate that was seen, within the part of the objective that leaves the slowest of
    /// them in time.
    fn in_time(&self, window: &Window) -> f64 {
        self.rate * window.target()
    }

    /// Handlers are as slow with little to do: it is not the number of requests that makes them late, and fewer of them
    /// would only fail more.
    fn give_up(&mut self) {
        self.hold_off = self.patience;
        self.patience = (self.patience * 2).min(LONGEST_HOLD_OFF);
        (self.limit, self.trial, self.requests, self.late) = (None, None, 0.0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECOND: Nanos = Nanos(1_000_000_000);

    fn micros(count: u64) -> Nanos {
        Nanos(count * 1000)
    }

    /// A second of requests that wait so long in all, and keep the thread so long in all, in two parts.
    fn window(requests: u32, wait: u64, burst: u64) -> Window {
        let each = u64::from(requests);
        let polls = if wait > 0 { 2 } else { 1 };
        Window {
            requests,
            service: micros((wait + burst) * each),
            burst: micros(burst * each),
            polls: polls * each,
            cpu: micros((burst + 100) * each).min(SECOND),
            elapsed: SECOND,
            peak: 1000,
            ..Window::default()
        }
    }

    /// After some windows that are all alike.
    fn settled(window: &Window) -> (Limiter, Option<u32>) {
        let mut limiter = Limiter::default();
        let limit = (0..CONVINCING).fold(None, |_, _| limiter.step(window));
        (limiter, limit)
    }

    #[test]
    fn one_costly_window_is_no_reason() {
        let (costly, cheap) = (window(400, 0, 2000), window(400, 0, 20));
        let (mut limiter, _) = settled(&cheap);
        let windows = [&costly, &costly, &cheap, &costly, &costly, &costly];
        let limits = windows.map(|window| limiter.step(window));
        assert_eq!(limits, [None, None, None, None, None, Some(1)]);
    }

    #[rstest]
    #[case::computes(window(400, 0, 2000), Some(1))]
    #[case::waits_as_long_as_it_computes(window(400, 2000, 2000), Some(4))]
    #[case::mostly_waits(window(100, 9000, 1000), Some(16))]
    #[case::cheap(window(1000, 5000, 20), None)]
    #[case::lost_its_cpu(Window { cpu: micros(50 * 400), ..window(400, 0, 2000) }, None)]
    fn as_many_run_as_the_cpu_can_use(#[case] window: Window, #[case] expected: Option<u32>) {
        assert_eq!(settled(&window).1, expected);
    }

    #[test]
    fn waiting_for_the_thread_is_no_waiting() {
        // 8 at a time, of which the CPU can use 2: each waits for the thread for 12 ms when it comes and again when it
        // wakes up.
        let mut crowded = window(400, 2000 + 12_000, 2000);
        crowded.delay = micros(12_000 * 400);
        assert_eq!(crowded.natural(), 2.0);
    }

    #[test]
    fn a_busy_thread_gets_no_more() {
        let (mut limiter, limit) = settled(&window(400, 2000, 2000));
        assert_eq!(limit, Some(4));
        let busy = Window { cpu: SECOND, ..window(400, 6000, 2000) };
        assert_eq!(limiter.step(&busy), Some(4));
        assert_eq!(limiter.step(&window(400, 6000, 2000)), Some(7));
    }

    #[test]
    fn a_body_that_is_sent_slowly_does_not_keep_the_cpu_idle() {
        let streaming = Window { streamed: 1, hold: micros(20_000), ..window(400, 0, 2000) };
        assert_eq!(settled(&streaming).1, Some(16));
    }

    const OBJECTIVE: Nanos = Nanos(50_000_000);

    /// 100 ms in front of a dependency that serves `carries` at a time, each in `service` milliseconds; the others wait.
    fn behind(limit: Option<u32>, carries: u32, service: u64, offered: u32) -> Window {
        let peak = limit.unwrap_or(offered).min(offered);
        let requests = carries * 100 / service as u32;
        let each = service * 1000 * u64::from(peak.max(carries)) / u64::from(carries);
        let late = if each > 40_000 { requests } else { 0 };
        let elapsed = micros(100_000);
        Window { late, peak, objective: OBJECTIVE, elapsed, ..window(requests, each, 20) }
    }

    /// The limits after so many windows.
    fn limits(
        limiter: &mut Limiter,
        windows: usize,
        next: impl Fn(Option<u32>) -> Window,
    ) -> Vec<Option<u32>> {
        let mut limit = None;
        let step = |_| {
            limit = limiter.step(&next(limit));
            limit
        };
        (0..windows).map(step).collect()
    }

    #[test]
    fn late_handlers_lower_the_limit_at_once_to_what_is_answered_in_time() {
        // 800 a second: 16 of them within 20 ms.
        let limits = limits(&mut Limiter::default(), 100, |limit| behind(limit, 4, 5, 700));
        assert!(limits.iter().all(|limit| *limit == Some(16)), "{limits:?}");
    }

    #[test]
    fn what_is_left_from_before_a_lower_limit_is_no_reason_to_lower_it_further() {
        let mut limiter = Limiter::default();
        let many = behind(None, 4, 5, 700);
        assert_eq!([(); 3].map(|()| limiter.step(&many)), [Some(16); 3]);
    }

    #[test]
    fn the_limit_follows_a_dependency_that_becomes_faster() {
        let mut limiter = Limiter::default();
        let slow = limits(&mut limiter, 10, |limit| behind(limit, 4, 5, 700));
        assert_eq!(slow[9], Some(16));
        let mut limit = slow[9];
        for _ in 0..10 {
            limit = limiter.step(&behind(limit, 40, 5, 700));
        }
        assert!(limit.is_some_and(|limit| (150..=161).contains(&limit)), "{limit:?}");
        // One that is not reached is not the cause of anything.
        assert_eq!(limiter.step(&behind(Some(10), 40, 5, 10)), limit);
    }

    #[test]
    fn a_limit_that_does_not_help_is_given_up_and_tried_again_ever_less_often() {
        // As slow with one request as with a hundred.
        let slow = |limit: Option<u32>| {
            let peak = limit.unwrap_or(100).min(100);
            let elapsed = micros(100_000);
            Window { late: peak, peak, objective: OBJECTIVE, elapsed, ..window(peak, 90_000, 20) }
        };
        let limits = limits(&mut Limiter::default(), 1000, slow);
        let limited = |windows: &[Option<u32>]| windows.iter().flatten().count();
        assert!((1..20).contains(&limited(&limits[..100])), "{limits:?}");
        assert!(limited(&limits) < 50, "{limits:?}");
    }

    #[test]
    fn without_an_objective_there_is_no_limit_but_the_cpus() {
        let none = |limit| Window { objective: Nanos::default(), late: 0, ..behind(limit, 4, 5, 700) };
        assert_eq!(limits(&mut Limiter::default(), 20, none), [None; 20]);
    }
}
