//! How long everything is measured.

use super::cycle::Cycle;

/// Lengths and counts of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Seconds for which each server is saturated.
    pub saturated: f64,
    /// Seconds for which a rate has to be held.
    pub hold: f64,
    /// Rates tried for the capacity.
    pub holds: usize,
    /// Seconds at each of the rates from which the capacity is learned by `/stats`.
    pub learn: f64,
    /// Steps of our server in each round.
    pub steps: u32,
    /// Of the servers it is compared with, which take longer to recover.
    pub compared_steps: u32,
    /// Rounds: all servers and factors one after the other.
    pub rounds: u32,
    /// Seconds of one client's flood.
    pub flood: f64,
    /// Rounds of the cost of a rejection.
    pub rejections: usize,
}

/// A step of our server.
pub const CYCLE: Cycle = Cycle { overload: 7, calm: 5 };
/// A step of the others: they need longer to recover.
pub const COMPARED_CYCLE: Cycle = Cycle { overload: 7, calm: 23 };

impl Plan {
    /// Under ten minutes.
    pub const FULL: Self = Self {
        saturated: 6.0,
        hold: 30.0,
        holds: 3,
        learn: 5.0,
        steps: 25,
        compared_steps: 2,
        rounds: 2,
        flood: 6.0,
        rejections: 7,
    };

    /// Under two minutes: to see that it works, and roughly where it stands.
    pub const QUICK: Self = Self {
        saturated: 2.0,
        hold: 5.0,
        holds: 2,
        learn: 0.0,
        steps: 6,
        compared_steps: 1,
        rounds: 1,
        flood: 2.0,
        rejections: 3,
    };
}
