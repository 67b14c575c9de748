//! The offered rate as a function of time: piecewise linear, so that its integral and the inverse of that are exact.

#[cfg(test)]
mod tests;

/// Rates above this (requests per second) are refused: no single generator sends them.
pub const MAX_RATE: f64 = 10_000_000.0;
/// Longest schedule, in seconds: 90 days.
pub const MAX_SECONDS: f64 = 90.0 * 86_400.0;

/// Requests per second over time, from 0 to [`Rate::seconds`]; zero afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    pieces: Vec<Piece>,
}

/// A stretch of time over which the rate changes linearly.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    /// Seconds since the start of the schedule.
    from: f64,
    seconds: f64,
    rate_at_start: f64,
    rate_at_end: f64,
    /// Requests intended before this piece.
    before: f64,
}

/// What a rate function cannot be.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RateError {
    /// No stretch of time at all.
    #[error("the schedule is empty: give it at least one step longer than 0 s")]
    Empty,
    /// A rate outside 0 to [`MAX_RATE`].
    #[error("a rate of {0} requests/s is outside 0 to {MAX_RATE}")]
    Rate(f64),
    /// A stretch of no or negative length, or a whole longer than [`MAX_SECONDS`].
    #[error("a length of {0} s is not possible: each step is longer than 0 s, all together at most 90 days")]
    Length(f64),
}

impl Rate {
    /// One rate for a number of seconds.
    pub fn constant(rate: f64, seconds: f64) -> Result<Self, RateError> {
        Self::steps([(seconds, rate)])
    }

    /// From one rate to another in a straight line.
    pub fn ramp(from: f64, to: f64, seconds: f64) -> Result<Self, RateError> {
        Self::build([(seconds, from, to)])
    }

    /// Steps of `(seconds, rate)`, one after the other.
    pub fn steps(steps: impl IntoIterator<Item = (f64, f64)>) -> Result<Self, RateError> {
        Self::build(steps.into_iter().map(|(seconds, rate)| (seconds, rate, rate)))
    }

    /// Straight lines of `(seconds, rate at start, rate at end)`, one after the other.
    pub fn build(lines: impl IntoIterator<Item = (f64, f64, f64)>) -> Result<Self, RateError> {
        let (mut pieces, mut from, mut before) = (Vec::new(), 0.0, 0.0);
        for (seconds, rate_at_start, rate_at_end) in lines {
            for rate in [rate_at_start, rate_at_end] {
                if !(0.0..=MAX_RATE).contains(&rate) {
                    return Err(RateError::Rate(rate));
                }
            }
            if !(seconds > 0.0 && from + seconds <= MAX_SECONDS) {
                return Err(RateError::Length(seconds));
            }
            pieces.push(Piece { from, seconds, rate_at_start, rate_at_end, before });
            from += seconds;
            before += seconds * (rate_at_start + rate_at_end) / 2.0;
        }
        if pieces.is_empty() { Err(RateError::Empty) } else { Ok(Self { pieces }) }
    }

    /// The same with `seconds` at its first rate in front. Nothing is added for 0 s.
    pub fn with_warm_up(&self, seconds: f64) -> Result<Self, RateError> {
        let first = self.at(0.0);
        let warm_up = (seconds > 0.0).then_some((seconds, first, first));
        Self::build(warm_up.into_iter().chain(self.pieces.iter().map(Piece::line)))
    }

    /// Length of the schedule, in seconds.
    pub fn seconds(&self) -> f64 {
        self.pieces.last().map_or(0.0, |piece| piece.from + piece.seconds)
    }

    /// Requests per second at a time in seconds. At a step it is the rate after it.
    pub fn at(&self, time: f64) -> f64 {
        match self.pieces.get(self.piece_at(time)) {
            Some(piece) if time >= 0.0 && time < piece.from + piece.seconds => piece.at(time - piece.from),
            _ => 0.0,
        }
    }

    /// Requests intended before a time in seconds: the integral of the rate.
    pub fn intended_before(&self, time: f64) -> f64 {
        self.pieces.get(self.piece_at(time)).map_or(0.0, |piece| piece.intended_before(time - piece.from))
    }

    /// Requests intended over the whole schedule.
    pub fn total(&self) -> f64 {
        self.intended_before(self.seconds())
    }

    /// The time in seconds at which the integral reaches `count`; `None` when it never does.
    ///
    /// `piece` is a cursor, the index of a piece at or before the answer (0 to begin with), so that reading a whole
    /// schedule in order takes linear time.
    pub fn time_of(&self, count: f64, piece: &mut usize) -> Option<f64> {
        loop {
            let current = self.pieces.get(*piece)?;
            if count < current.before + current.requests() {
                return Some(current.from + current.time_of(count - current.before));
            }
            *piece += 1;
        }
    }

    fn piece_at(&self, time: f64) -> usize {
        self.pieces.partition_point(|piece| piece.from <= time).saturating_sub(1)
    }
}

impl Piece {
    fn line(&self) -> (f64, f64, f64) {
        (self.seconds, self.rate_at_start, self.rate_at_end)
    }

    fn slope(&self) -> f64 {
        (self.rate_at_end - self.rate_at_start) / self.seconds
    }

    fn requests(&self) -> f64 {
        self.seconds * (self.rate_at_start + self.rate_at_end) / 2.0
    }

    fn at(&self, offset: f64) -> f64 {
        self.rate_at_start + self.slope() * offset
    }

    fn intended_before(&self, offset: f64) -> f64 {
        let offset = offset.clamp(0.0, self.seconds);
        self.before + offset * (self.rate_at_start + self.slope() * offset / 2.0)
    }

    /// Offset at which `count` requests of this piece have been intended. Solves `r t + s t^2 / 2 = count` in the form
    /// that does not cancel when the slope `s` is close to zero.
    fn time_of(&self, count: f64) -> f64 {
        let (rate, slope) = (self.rate_at_start, self.slope());
        let root = (rate * rate + 2.0 * slope * count).max(0.0).sqrt();
        let divisor = rate + root;
        if divisor > 0.0 { (2.0 * count / divisor).clamp(0.0, self.seconds) } else { 0.0 }
    }
}
