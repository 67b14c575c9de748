//! What a sample of the pods says about those that were not asked.
//!
//! A pod tells how many requests it had since it last told, up to six seconds ago. A step of the last second is diluted
//! in that. So when the pods asked had more requests than they last told, beyond chance, all of the surplus is taken to
//! have come since the last calm look, and the pods that were not asked are taken to have risen alike.

use super::look::Look;
use super::pod::Delta;

/// A surplus is beyond chance at so many standard deviations: with a look a second, once in nine hours by chance alone.
const DEVIATIONS: f64 = 4.0;
/// Change, relative to what was told before, that is not worth a closer look.
const SMALLEST: f64 = 0.05;

/// Sums over the pods that told their load now and before.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Told {
    pods: u32,
    /// Requests counted, and those expected at the rates told before.
    counted: f64,
    expected: f64,
    /// Requests per second: as told before, as counted, and with the surplus in the time since the last calm look.
    before: f64,
    plain: f64,
    shifted: f64,
}

/// How the load told compares with what was told before.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Movement {
    /// The same, but for chance.
    #[default]
    Calm,
    /// Less, beyond chance.
    Falling,
    /// More, beyond chance: so many requests per second are not in the rates counted.
    Rising(f64),
}

impl Told {
    /// Adds a pod that told `before` requests per second and now `delta`. `calm` is the time since the last calm look,
    /// in seconds.
    pub(super) fn add(&mut self, before: f64, delta: &Delta, calm: f64) {
        self.pods += 1;
        self.counted += delta.demand;
        self.expected += before * delta.seconds;
        self.before += before;
        self.plain += delta.demand / delta.seconds;
        let surplus = delta.demand - before * delta.seconds;
        self.shifted += before + surplus / delta.seconds.min(calm).max(f64::MIN_POSITIVE);
    }

    /// Compares. `dispersion` is how noisy the load is, 1 for a Poisson process.
    pub(super) fn movement(&self, look: &Look, dispersion: f64) -> Movement {
        let surplus = self.counted - self.expected;
        let chance = DEVIATIONS * (dispersion.max(1.0) * (self.counted + self.expected)).sqrt();
        if surplus.abs() <= chance.max(SMALLEST * self.expected) {
            return Movement::Calm;
        }
        if surplus < 0.0 {
            return Movement::Falling;
        }
        let hidden = (self.shifted - self.plain).max(0.0);
        let rise = (self.shifted - self.before).max(0.0) / f64::from(self.pods.max(1));
        Movement::Rising(hidden + f64::from(look.recalled) * rise)
    }
}
