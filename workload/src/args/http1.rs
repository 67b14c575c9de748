//! The flag that says who reads HTTP/1.

use clap::ValueEnum;

use crate::settings::Http1;

/// A way to switch the fast path off, should it ever be in doubt.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Http1Args {
    /// Whether plain requests of HTTP/1.1 take the short way past hyper.
    #[arg(long, env = "HEADROOM_WORKLOAD_HTTP1_FAST_PATH", default_value = "on")]
    http1_fast_path: Switch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl From<Http1Args> for Http1 {
    fn from(args: Http1Args) -> Self {
        match args.http1_fast_path {
            Switch::On => Self::Fast,
            Switch::Off => Self::General,
        }
    }
}
