//! Time inside the core: milliseconds of the caller's clock. No clock is read here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment by the caller's clock, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(i64);

impl Moment {
    /// Seconds from `earlier` to this moment; negative when it lies before.
    pub(crate) fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1000.0
    }

    /// The moment `seconds` before this one.
    pub(crate) fn minus(self, seconds: f64) -> Self {
        Self(self.0.saturating_sub((seconds * 1000.0) as i64))
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        Self::from_millisecond(moment.0).unwrap_or_default()
    }
}
