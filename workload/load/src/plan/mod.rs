//! When requests are intended: a rate over time, and the send times drawn from it. Pure.

mod arrivals;
mod rate;
mod trace;

pub use arrivals::{Arrivals, Spacing};
pub use rate::{MAX_RATE, MAX_SECONDS, Rate, RateError};
pub use trace::{Trace, TraceError};
