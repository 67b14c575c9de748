//! Sparing the core routes: while a worker's CPU is nearly used up, part of what goes to other routes is turned away,
//! the least important first.
//!
//! The part is chosen so that the CPU comes to rest between the two bounds: it rises from none at the lower to all at the
//! upper, and what a request costs is known from the last window, so that no search is needed.

use crate::admission::Class;
use crate::clock::Nanos;

/// From this share of the CPU on, something is turned away.
const FROM: f64 = 0.75;
/// From this share on, everything is.
const ALL: f64 = 0.95;
const WINDOW: Nanos = Nanos(100_000_000);

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Core,
    Other(Class),
}

/// The flow through one worker.
#[derive(Debug, Default)]
pub(super) struct Flow {
    window: Window,
    began: Nanos,
    /// CPU time of the thread when the window began, in seconds.
    cpu: f64,
    /// The part of each class that is turned away.
    parts: [f64; Class::COUNT],
    /// What of the parts is still to be turned away: whole requests, at even distances.
    due: [f64; Class::COUNT],
}

/// What came in a window.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    core: f64,
    others: [f64; Class::COUNT],
    turned_away: f64,
}

impl Flow {
    /// Whether a request that came at `now` is let through. `cpu` tells the thread's CPU time in seconds; `share` is the
    /// part of a CPU that the worker has.
    pub(super) fn admits(&mut self, now: Nanos, route: Route, share: f64, cpu: impl FnOnce() -> f64) -> bool {
        if now - self.began >= WINDOW {
            self.step(now, share, cpu());
        }
        let class = match route {
            Route::Core => {
                self.window.core += 1.0;
                return true;
            }
            Route::Other(class) => class.index(),
        };
        self.window.others[class] += 1.0;
        self.due[class] += self.parts[class];
        let turned_away = self.due[class] >= 1.0;
        if turned_away {
            self.due[class] -= 1.0;
            self.window.turned_away += 1.0;
        }
        !turned_away
    }

    fn step(&mut self, now: Nanos, share: f64, cpu: f64) {
        let elapsed: f64 = (now - self.began).0 as f64 * 1e-9;
        let used = (cpu - self.cpu) / (elapsed * share.clamp(0.01, 1.0));
        // The first window has no beginning, and a pause is no load.
        let known = self.began != Nanos::default();
        self.parts = if known { self.window.parts(used.clamp(0.0, 1.0)) } else { Default::default() };
        (self.window, self.began, self.cpu) = (Window::default(), now, cpu);
    }
}

impl Window {
    /// The part of each class to turn away when so much of the CPU was used.
    fn parts(&self, used: f64) -> [f64; Class::COUNT] {
        let others: f64 = self.others.iter().sum();
        let served = (self.core + others - self.turned_away).max(1.0);
        // What both would use if all of it were served.
        let (core, others_use) = (used * self.core / served, used * others / served);
        // The load at rest: where what is left of the others uses just what makes that part of them be left.
        let slope = 1.0 / (ALL - FROM);
        let rest = (core + others_use * (1.0 + FROM * slope)) / (1.0 + others_use * slope);
        let mut left = ((rest - FROM) * slope).clamp(0.0, 1.0) * others;
        let mut parts = [0.0; Class::COUNT];
        for (part, count) in parts.iter_mut().zip(self.others).rev().filter(|(_, count)| *count > 0.0) {
            *part = (left / count).min(1.0);
            left = (left - count).max(0.0);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn window(core: f64, others: [f64; 4]) -> Window {
        Window { core, others, turned_away: 0.0 }
    }

    #[rstest]
    #[case::calm(0.7, window(50.0, [0.0, 0.0, 50.0, 0.0]), [0.0; 4])]
    #[case::core_alone_is_too_much(1.0, window(99.0, [0.0, 0.0, 1.0, 0.0]), [0.0, 0.0, 1.0, 0.0])]
    #[case::no_others(1.0, window(100.0, [0.0; 4]), [0.0; 4])]
    // 1.0 in all: at rest at 0.792, where 5 x (0.792 - 0.75) = 0.21 of the others are missing.
    #[case::others_alone(1.0, window(0.0, [0.0, 0.0, 100.0, 0.0]), [0.0, 0.0, 0.208, 0.0])]
    #[case::least_important_first(1.0, window(0.0, [0.0, 0.0, 90.0, 10.0]), [0.0, 0.0, 0.120, 1.0])]
    fn what_is_too_much_is_taken_from_the_others(
        #[case] used: f64,
        #[case] window: Window,
        #[case] expected: [f64; 4],
    ) {
        let parts = window.parts(used);
        assert!(parts.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.001), "{parts:?}");
    }

    /// A worker that is offered core and other requests, each of so much CPU; returns the CPU used in each window.
    fn play(flow: &mut Flow, windows: usize, core: usize, others: usize, seconds: f64) -> (Vec<f64>, usize) {
        let (mut cpu, mut used, mut through) = (0.0, Vec::new(), 0);
        for window in 1..=windows as u64 {
            let begin = cpu;
            for number in 0..core + others {
                let route = if number < core { Route::Core } else { Route::Other(Class::Normal) };
                if flow.admits(Nanos(window * 100_000_000), route, 1.0, || cpu) {
                    through += usize::from(number >= core);
                    cpu = (cpu + seconds).min(begin + 0.1);
                }
            }
            used.push((cpu - begin) * 10.0);
        }
        (used, through)
    }

    #[test]
    fn the_load_comes_to_rest_between_the_bounds() {
        let (used, _) = play(&mut Flow::default(), 40, 30, 170, 0.001);
        assert!(used[10..].iter().all(|used| (0.75..0.97).contains(used)), "{used:?}");
    }

    #[test]
    fn below_the_lower_bound_nothing_is_turned_away() {
        let (_, through) = play(&mut Flow::default(), 40, 30, 40, 0.001);
        assert_eq!(through, 40 * 40);
    }
}
