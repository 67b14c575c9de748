//! Units as types, so that a rate is never added to a size. Each holds only values that arithmetic can rely on.

use serde::{Deserialize, Serialize};

/// A number of pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Replicas(pub u32);

/// CPU in thousandths of a core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MilliCpu(pub u32);

/// Requests per second: finite and not negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Rate(f64);

/// A part of a whole: 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Share(f64);

impl Replicas {
    /// The smallest number of pods whose capacity of `per_pod` each carries `load`, at most `u32::MAX`.
    ///
    /// A billionth of a pod is forgiven, so that a load of exactly n pods does not ask for n + 1.
    pub fn to_carry(load: Rate, per_pod: Rate) -> Self {
        if load.0 <= 0.0 {
            return Self(0);
        }
        Self((load.0 / per_pod.0 - 1e-9).ceil().max(1.0) as u32)
    }
}

impl std::fmt::Display for Replicas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<f64> for Rate {
    fn from(value: f64) -> Self {
        Self::new(value)
    }
}

impl From<Rate> for f64 {
    fn from(value: Rate) -> Self {
        value.0
    }
}

impl Rate {
    /// No requests.
    pub const ZERO: Self = Self(0.0);
    /// The largest rate the core works with, in requests per second: no service has it, and sums of it stay finite.
    pub const MAX: Self = Self(1e12);

    /// A rate in requests per second. What is no rate (negative, not a number) is zero; what is too large is
    /// [`Rate::MAX`].
    pub fn new(per_second: f64) -> Self {
        if per_second > 0.0 { Self(per_second.min(Self::MAX.0)) } else { Self::ZERO }
    }

    /// Requests per second.
    pub fn get(self) -> f64 {
        self.0
    }

    /// This rate times `factor`.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self::new(self.0 * factor)
    }

    /// The larger of the two.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

impl std::ops::Add for Rate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.0 + other.0)
    }
}

impl From<f64> for Share {
    fn from(value: f64) -> Self {
        Self::new(value)
    }
}

impl From<Share> for f64 {
    fn from(value: Share) -> Self {
        value.0
    }
}

impl Share {
    /// None of it.
    pub const NONE: Self = Self(0.0);
    /// All of it.
    pub const ALL: Self = Self(1.0);

    /// A share, clamped to 0..=1; what is not a number is 0.
    pub fn new(value: f64) -> Self {
        if value > 0.0 { Self(value.min(1.0)) } else { Self::NONE }
    }

    /// The share as a number from 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing(0.0, 100.0, 0)]
    #[case::exactly_two(200.0, 100.0, 2)]
    #[case::a_little_more(200.1, 100.0, 3)]
    #[case::less_than_one(0.1, 100.0, 1)]
    #[case::no_capacity(1.0, 0.0, u32::MAX)]
    fn pods_to_carry_a_load(#[case] load: f64, #[case] per_pod: f64, #[case] pods: u32) {
        assert_eq!(Replicas::to_carry(Rate::new(load), Rate::new(per_pod)), Replicas(pods));
    }

    #[rstest]
    #[case(f64::NAN, 0.0)]
    #[case(-1.0, 0.0)]
    #[case(f64::INFINITY, 1e12)]
    #[case(5.0, 5.0)]
    fn a_rate_is_always_finite(#[case] given: f64, #[case] held: f64) {
        assert_eq!(Rate::new(given).get(), held);
    }
}
