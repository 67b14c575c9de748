//! Brownout: under load the service gives up what it can do without, step by step, before it turns requests away.

mod cache;
mod level;
mod machine;
mod rules;
mod watch;

pub use cache::{BrownoutCache, CacheBounds, WithBrownoutCache};
pub use level::BrownoutLevel;

pub(crate) use level::refuses;
#[cfg(feature = "fuzz")]
pub(crate) use rules::fuzz;
pub(crate) use watch::{Brownout, watch};
