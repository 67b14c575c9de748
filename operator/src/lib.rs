//! Headroom: sizes a service so that it keeps its latency objective at the lowest cost.
//!
//! The core ([`headroom_core::decide`]) decides; here is everything around it: reading, writing, showing.

mod args;
mod clock;
pub mod crds;
pub mod decide;
pub mod demo;
pub mod explain;
pub mod observe;
pub mod page;
pub mod standalone;
pub mod validate;

pub use args::Args;

/// Logs to standard error what the variable `HEADROOM_LOG` asks for: `info` if it is not set.
pub fn log_to_stderr() {
    use std::io::{IsTerminal, stderr};
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("HEADROOM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = stderr().is_terminal() && !plain;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(colour).init();
}
