//! HTTP/2 through hyper, with what hyper lacks: times for everything a client may delay, kept by the sweep as for
//! HTTP/1, a bound on frames that carry nothing, and a gentle end when the connection has to leave its worker.

mod body;
mod health;
mod meter;
mod serve;
mod session;
mod stream;
mod tasks;

pub(crate) use health::Health;
#[cfg(feature = "fuzz")]
pub(crate) use health::fuzz as fuzz_health;
#[cfg(feature = "fuzz")]
pub(crate) use meter::fuzz;
pub(super) use serve::{PREFACE, serve};
pub(crate) use session::Session;
