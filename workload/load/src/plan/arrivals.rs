//! The intended send times: exact for a rate function, a spacing and a seed, and known before the first answer.

#[cfg(test)]
mod tests;

use super::Rate;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rand_distr::Exp1;
use std::time::Duration;

/// How far requests are apart at a steady rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Equal distances: the n-th request is in the middle of the n-th unit of the integrated rate, so there are
    /// `round(integral)` of them.
    Uniform,
    /// Independent requests, as of many clients: the integrated rate between two is exponential with mean 1.
    Poisson,
}

/// Iterator over the intended send times since the start of the schedule, in ascending order.
#[derive(Debug)]
pub struct Arrivals {
    rate: Rate,
    spacing: Spacing,
    random: StdRng,
    /// The integrated rate at the next request.
    next: f64,
    piece: usize,
    end: Duration,
}

impl Arrivals {
    /// The same arguments give the same times.
    pub fn new(rate: Rate, spacing: Spacing, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let next = match spacing {
            Spacing::Uniform => 0.5,
            Spacing::Poisson => random.sample(Exp1),
        };
        let seconds = rate.seconds();
        Self { rate, spacing, random, next, piece: 0, end: Duration::from_secs_f64(seconds) }
    }

    /// When the schedule ends: all send times are before it.
    pub fn end(&self) -> Duration {
        self.end
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let time = self.rate.time_of(self.next, &mut self.piece)?;
        self.next += match self.spacing {
            Spacing::Uniform => 1.0,
            Spacing::Poisson => self.random.sample::<f64, _>(Exp1),
        };
        // Rounding must not move a request out of the schedule.
        let last = self.end.saturating_sub(Duration::from_nanos(1));
        Some(Duration::from_secs_f64(time).min(last))
    }
}
