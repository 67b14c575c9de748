//! The flag of gRPC's health service.

use crate::settings::GrpcHealth;

/// Off unless asked for: a service may have its own.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct HealthArgs {
    /// Answers grpc.health.v1.Health/Check where requests are served, as /readyz does.
    #[arg(long, env = "HEADROOM_WORKLOAD_GRPC_HEALTH")]
    grpc_health: bool,
}

impl From<HealthArgs> for GrpcHealth {
    fn from(args: HealthArgs) -> Self {
        if args.grpc_health { Self::On } else { Self::Off }
    }
}
