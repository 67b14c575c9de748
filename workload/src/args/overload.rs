//! Flags for overload and fairness.

use clap::ValueEnum;
use http::HeaderName;

use crate::settings::{AdaptiveLimit, Overload};

/// What the server does when more arrives than it can serve.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct OverloadArgs {
    /// Whether the number of requests that run at the same time follows what is measured; auto: where no slots are set.
    #[arg(long, env = "HEADROOM_WORKLOAD_ADAPTIVE_LIMIT", default_value = "auto")]
    adaptive_limit: Adaptive,
    /// The header in which clients say how important a request is: critical, high, normal or bulk.
    #[arg(
        long,
        env = "HEADROOM_WORKLOAD_PRIORITY_HEADER",
        value_name = "NAME",
        default_value = "x-priority"
    )]
    priority_header: HeaderName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Adaptive {
    Auto,
    On,
    Off,
}

impl From<OverloadArgs> for Overload {
    fn from(args: OverloadArgs) -> Self {
        let adaptive_limit = match args.adaptive_limit {
            Adaptive::Auto => AdaptiveLimit::WithoutSlots,
            Adaptive::On => AdaptiveLimit::On,
            Adaptive::Off => AdaptiveLimit::Off,
        };
        Self { adaptive_limit, priority_header: args.priority_header }
    }
}
