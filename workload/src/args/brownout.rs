//! Flags for what the service gives up under load.

use std::path::PathBuf;

use crate::settings::BrownoutSettings;

/// What the service gives up under load.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct BrownoutArgs {
    /// A file with rules (JSON) for what is given up at which load; looked at each second.
    #[arg(long, env = "HEADROOM_WORKLOAD_BROWNOUT_RULES", value_name = "FILE")]
    brownout_rules: Option<PathBuf>,
}

impl From<BrownoutArgs> for BrownoutSettings {
    fn from(args: BrownoutArgs) -> Self {
        Self { rules: args.brownout_rules }
    }
}
