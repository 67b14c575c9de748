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
/// Windows for which a limit that did not help is not tried again.
const HOLD_OFF: u32 = 100;

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

/// Additive increase, multiplicative decrease on the share of late requests.
#[derive(Debug, Default)]
struct LatencyLimit {
    limit: Option<f64>,
    /// Decaying counts.
    requests: f64,
    late: f64,
    trial: Option<Trial>,
    hold_off: u32,
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

impl LatencyLimit {
    fn step(&mut self, window: &Window) -> Option<u32> {
        self.requests = self.requests * 0.7 + f64::from(window.requests);
        self.late = self.late * 0.7 + f64::from(window.late);
        self.hold_off = self.hold_off.saturating_sub(1);
        let peak = f64::from(window.peak);
        // One may always be late: of a few requests it would be too large a share.
        if self.late > 1.0 + self.requests * LATE {
            // Only what is in use can be the cause.
            let in_use = self.limit.is_none_or(|limit| peak * 2.0 >= limit);
            if in_use && self.hold_off == 0 {
                self.decrease(peak, window.each(window.service));
                // What was before says nothing about what is now.
                (self.requests, self.late) = (0.0, 0.0);
            }
        } else {
            self.trial = None;
            self.limit =
                self.limit.map(|limit| if peak >= limit.floor() { limit + limit.sqrt() } else { limit });
        }
        self.limit.map(|limit| limit as u32)
    }

    fn decrease(&mut self, peak: f64, service: f64) {
        let limit = self.limit.map_or(peak, |limit| limit.min(peak)).max(1.0);
        let trial = *self.trial.get_or_insert(Trial { limit, service });
        if limit > trial.limit * 0.6 {
            self.limit = Some((limit * 0.9).max(1.0));
        } else if service > trial.service * 0.8 {
            // Handlers are as slow with little to do: it is not the number of requests that makes them late, and
            // fewer of them would only fail more.
            self.limit = None;
            self.trial = None;
            self.hold_off = HOLD_OFF;
        } else {
            self.trial = Some(Trial { limit, service });
        }
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

    /// A dependency that serves so many at a time, in 10 ms.
    fn behind(limit: Option<u32>, carries: u32, offered: u32) -> Window {
        let running = limit.unwrap_or(offered).min(offered);
        let service = 10_000 * u64::from(running.max(carries) / carries);
        let late = if service > 50_000 { 100 } else { 0 };
        Window { late, peak: running, ..window(100, service, 20) }
    }

    #[test]
    fn late_handlers_lower_the_limit_until_they_are_in_time() {
        let (mut limiter, mut limit) = (Limiter::default(), None);
        let mut seen = Vec::new();
        for _ in 0..300 {
            limit = limiter.step(&behind(limit, 10, 200));
            seen.push(limit.unwrap_or(u32::MAX));
        }
        assert!(seen[200..].iter().all(|limit| (20..=80).contains(limit)), "{seen:?}");
    }

    #[test]
    fn the_limit_grows_again_while_all_are_in_time_and_it_is_reached() {
        let mut limiter = Limiter::default();
        let late = Window { late: 100, peak: 100, ..window(100, 90_000, 20) };
        assert_eq!(limiter.step(&late), Some(90));
        let mut limit = 90;
        for _ in 0..20 {
            limit = limiter.step(&Window { peak: limit, ..window(100, 9000, 20) }).unwrap();
        }
        assert!(limit > 150, "{limit}");
        let unused = Window { peak: 10, ..window(100, 9000, 20) };
        assert_eq!(limiter.step(&unused), Some(limit));
    }

    #[test]
    fn a_limit_that_does_not_help_is_given_up() {
        let mut limiter = Limiter::default();
        let mut limit = Some(100);
        let mut lowest = u32::MAX;
        for _ in 0..50 {
            // As slow with one request as with a hundred.
            let late = Window { late: 100, peak: limit.unwrap_or(100), ..window(100, 90_000, 20) };
            limit = limiter.step(&late);
            lowest = lowest.min(limit.unwrap_or(u32::MAX));
        }
        assert_eq!(limit, None);
        assert!(lowest >= 50, "{lowest}");
    }
}
