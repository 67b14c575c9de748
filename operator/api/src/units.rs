//! Units of the API as types: durations and shares, written as text so that the unit is in the file
//! and no number passes through floating point.

use std::{fmt, time};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    decimal::Decimal,
    formats::{self, Format},
};

/// A text that does not fit the format of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} must be {expected}")]
pub struct UnitError {
    found: String,
    expected: &'static str,
}

impl UnitError {
    pub(crate) fn new(found: impl Into<String>, format: Format) -> Self {
        Self { found: found.into(), expected: format.expected }
    }
}

/// A length of time as Kubernetes writes it: `50ms`, `1m30s`. Resolution 1 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(!try_from, !into, inline)]
pub struct Duration(
    #[schemars(with = "String", regex(pattern = formats::DURATION.pattern), length(max = formats::DURATION.max))]
     time::Duration,
);

/// A share of all requests, above 0 and below 1: `"0.99"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(!try_from, !into, inline)]
pub struct Quantile(
    #[schemars(with = "String", regex(pattern = formats::QUANTILE.pattern), length(max = formats::QUANTILE.max))]
     Decimal,
);

/// A share of good requests in percent, from 50 to 99.9999: `"99.95"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(!try_from, !into, inline)]
pub struct Availability(
    #[schemars(with = "String", regex(pattern = formats::AVAILABILITY.pattern), length(max = formats::AVAILABILITY.max))]
     Decimal,
);

/// A relative deviation that is not worth a change of size, from 0 to below 1: `"0.1"` or `"100m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(!try_from, !into, inline)]
pub struct Tolerance(
    #[schemars(with = "String", regex(pattern = formats::TOLERANCE.pattern), length(max = formats::TOLERANCE.max))]
     Decimal,
);

impl Duration {
    /// Of this many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(time::Duration::from_millis(millis))
    }

    /// Of this many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(time::Duration::from_secs(seconds))
    }

    /// As the standard library's type.
    pub const fn get(self) -> time::Duration {
        self.0
    }
}

impl Quantile {
    /// As a share: 0.99 for `"0.99"`.
    pub fn share(self) -> f64 {
        self.0.as_f64()
    }
}

impl Availability {
    /// As a percentage: 99.95 for `"99.95"`.
    pub fn percent(self) -> f64 {
        self.0.as_f64()
    }

    /// As a share: 0.9995 for `"99.95"`.
    pub fn share(self) -> f64 {
        self.0.as_f64() / 100.0
    }
}

impl Default for Availability {
    /// 99.9 percent.
    fn default() -> Self {
        Self(Decimal::thousandths(99_900))
    }
}

impl Tolerance {
    /// As a share: 0.1 for `"100m"`.
    pub fn share(self) -> f64 {
        self.0.as_f64()
    }
}

impl TryFrom<String> for Duration {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        parse_duration(&text).map(Self).ok_or_else(|| UnitError::new(text, formats::DURATION))
    }
}

/// One to four numbers, each with a unit. The pattern bounds the sum to 400,000 h: nothing overflows.
fn parse_duration(text: &str) -> Option<time::Duration> {
    let mut rest = text;
    let mut millis: u64 = 0;
    for _ in 0..4 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 5 {
            return None;
        }
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let (unit, size) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        millis += count * size;
        rest = &rest[unit.len()..];
        if rest.is_empty() {
            return Some(time::Duration::from_millis(millis));
        }
    }
    None
}

impl fmt::Display for Duration {
    /// Largest unit first, at most 99,999 h so that what is written can be read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis().min(99_999 * 3_600_000 + 3_599_999);
        if millis == 0 {
            return f.write_str("0s");
        }
        let parts = [
            (millis / 3_600_000, "h"),
            (millis / 60_000 % 60, "m"),
            (millis / 1000 % 60, "s"),
            (millis % 1000, "ms"),
        ];
        parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}

impl TryFrom<String> for Quantile {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        match Decimal::parse(&text) {
            Some(share) if share > Decimal::thousandths(0) && share < Decimal::thousandths(1000) => {
                Ok(Self(share))
            }
            _ => Err(UnitError::new(text, formats::QUANTILE)),
        }
    }
}

impl TryFrom<String> for Availability {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        let allowed = Decimal::thousandths(50_000)..Decimal::thousandths(100_000);
        match Decimal::parse(&text) {
            Some(percent) if allowed.contains(&percent) => Ok(Self(percent)),
            _ => Err(UnitError::new(text, formats::AVAILABILITY)),
        }
    }
}

impl TryFrom<String> for Tolerance {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        let share = match text.strip_suffix('m') {
            Some(millis) => millis.parse().ok().map(Decimal::thousandths),
            None => Decimal::parse(&text),
        };
        match share {
            Some(share) if share < Decimal::thousandths(1000) => Ok(Self(share)),
            _ => Err(UnitError::new(text, formats::TOLERANCE)),
        }
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Availability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Duration> for String {
    fn from(value: Duration) -> Self {
        value.to_string()
    }
}

impl From<Quantile> for String {
    fn from(value: Quantile) -> Self {
        value.to_string()
    }
}

impl From<Availability> for String {
    fn from(value: Availability) -> Self {
        value.to_string()
    }
}

impl From<Tolerance> for String {
    fn from(value: Tolerance) -> Self {
        value.to_string()
    }
}

#[cfg(test)]
mod tests;
