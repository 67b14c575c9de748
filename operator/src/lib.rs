//! Headroom: sizes a service so that it keeps its latency objective at the lowest cost.
//!
//! The core ([`headroom_core::decide`]) decides; here is everything around it: reading, writing, showing.

mod args;
pub mod check;
mod clock;
pub mod controller;
pub mod crds;
pub mod decide;
pub mod demo;
pub mod docs;
pub mod explain;
pub mod observe;
pub mod outcome;
pub mod page;
pub mod standalone;
pub mod validate;

pub use args::Args;
pub use controller::args::LogFormat;

use std::process::ExitCode;

/// Exit code for what the user wrote wrong: 2, as for wrong arguments; 1 for everything else.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(if error.is::<validate::ValidateError>() { 2 } else { 1 })
}

/// Says at each failed call what its caller says too.
const REPEATS: &str = "kube_client::client=off";

/// Logs to standard error what the variable `HEADROOM_LOG` asks for: `info` if it is not set.
pub fn log_to_stderr(format: LogFormat) {
    use std::io::{IsTerminal, stderr};
    use tracing_subscriber::EnvFilter;
    let asked = std::env::var("HEADROOM_LOG").unwrap_or_default();
    let filter = EnvFilter::try_new(format!("{REPEATS},{asked}"))
        .ok()
        .filter(|_| !asked.is_empty())
        .unwrap_or_else(|| EnvFilter::new(format!("{REPEATS},info")));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = stderr().is_terminal() && !plain;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        LogFormat::Text => log.with_ansi(colour).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}
