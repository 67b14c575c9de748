//! PURE: a number that is shown changes when the thing it measures does, not with every throw of the dice.
//!
//! What is shown follows an exponential mean, and only once that has left a band around what is shown; a value far away
//! from the mean counts at once, because then the thing itself has changed.

/// The mean forgets with this time constant, in seconds.
const FORGETS: f64 = 20.0;
/// A value so far from the mean, in standard deviations of one look, is no chance.
const NO_CHANCE: f64 = 5.0;
/// Looks are at most so far apart for the mean to go on, in seconds.
const LONGEST_GAP: f64 = 120.0;

/// How much a number scatters although nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scatter {
    /// Share of the value within which a difference is not worth showing.
    pub band: f64,
    /// Standard deviation of one look.
    pub one_look: f64,
}

impl Scatter {
    /// Of a rate counted over `window` seconds: arrivals by chance scatter with the root of their number.
    pub fn of_rate(per_second: f64, window: f64) -> Self {
        Self { band: 0.05, one_look: (per_second.max(0.0) / window).sqrt() }
    }

    /// Of a value that scatters by this share of itself.
    pub fn of_share(value: f64, share: f64) -> Self {
        Self { band: 0.05, one_look: value.abs() * share }
    }

    /// Of a value that is known, and worth showing when it moved by this share of itself.
    pub fn none(band: f64) -> Self {
        Self { band, one_look: 0.0 }
    }
}

/// A number as it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Steady {
    mean: f64,
    shown: f64,
}

impl Steady {
    /// The number that begins with `value`.
    pub fn new(value: f64) -> Self {
        Self { mean: value, shown: value }
    }

    /// What to show.
    pub fn shown(self) -> f64 {
        self.shown
    }

    /// After another look, `seconds` later.
    #[must_use]
    pub fn then(self, value: f64, seconds: f64, scatter: Scatter) -> Self {
        if !value.is_finite() {
            return self;
        }
        let far = (value - self.mean).abs();
        let jump = far > NO_CHANCE * scatter.one_look && far > 4.0 * scatter.band * self.mean.abs();
        if jump || !(0.0..LONGEST_GAP).contains(&seconds) {
            return Self::new(value);
        }
        let mean = self.mean + (value - self.mean) * (1.0 - (-seconds / FORGETS).exp());
        // The mean over `FORGETS` scatters less than one look does; three of its deviations are chance.
        let chance = 3.0 * scatter.one_look * (5.0 / (2.0 * FORGETS)).sqrt();
        let moved = (mean - self.shown).abs() > chance.max(scatter.band * self.shown.abs());
        Self { mean, shown: if moved { mean } else { self.shown } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic noise: a few sines of unrelated periods, about one standard deviation large.
    fn noise(second: u32) -> f64 {
        let t = f64::from(second);
        [(0.71, 0.3), (1.93, 1.1), (2.57, 2.0)].iter().map(|(f, p)| (t * f + p).sin()).sum::<f64>() * 0.8
    }

    fn changes(of: impl Fn(u32) -> f64, scatter: impl Fn(f64) -> Scatter) -> usize {
        let mut steady = Steady::new(of(0));
        (1..600)
            .filter(|second| {
                let (value, before) = (of(*second), steady.shown());
                steady = steady.then(value, 1.0, scatter(value));
                steady.shown() != before
            })
            .count()
    }

    #[test]
    fn a_rate_that_is_constant_but_for_chance_hardly_ever_changes() {
        for rate in [3.0, 40.0, 1000.0, 50_000.0f64] {
            let noisy = |second| rate + noise(second) * (rate / 5.0).sqrt();
            let changes = changes(noisy, |value| Scatter::of_rate(value, 5.0));
            assert!(changes <= 3, "{changes} changes in ten minutes of {rate}/s");
        }
    }

    #[test]
    fn a_step_shows_at_once_and_a_drift_soon() {
        let steady = Steady::new(1000.0).then(2000.0, 1.0, Scatter::of_rate(2000.0, 5.0));
        assert_eq!(steady.shown(), 2000.0);

        let mut steady = Steady::new(1000.0);
        for second in 0..300 {
            let value = 1000.0 + f64::from(second);
            steady = steady.then(value, 1.0, Scatter::of_rate(value, 5.0));
        }
        assert!((1200.0..1300.0).contains(&steady.shown()), "{}", steady.shown());
    }

    #[test]
    fn nonsense_and_gaps_do_no_harm() {
        let steady = Steady::new(5.0).then(f64::NAN, 1.0, Scatter::none(0.1));
        assert_eq!(steady.shown(), 5.0);
        assert_eq!(steady.then(5.1, 1e6, Scatter::none(0.1)).shown(), 5.1);
        assert_eq!(steady.then(5.1, -1.0, Scatter::none(0.1)).shown(), 5.1);
    }
}
