//! The command line of `headroom controller`. Every flag has an environment variable and a default.

use std::net::SocketAddr;

use clap::ValueEnum;

use super::workload::PullPolicy;

/// Sizes every `ScaledService` of the cluster that this process runs in, or that KUBECONFIG names.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Namespace of the controller itself: its Lease and its service account are there.
    #[arg(long, env = "POD_NAMESPACE", default_value = "headroom-system")]
    pub namespace: String,
    /// Namespaces whose services are sized, with commas between; all if empty.
    #[arg(long, env = "HEADROOM_WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// Name of this replica, unique among them. Default: a random one.
    #[arg(long, env = "POD_NAME")]
    pub identity: Option<String>,
    /// Service account of the controller, for tokens to change the workers of running servers; empty: they are left alone.
    #[arg(long, env = "SERVICE_ACCOUNT", default_value = "")]
    pub service_account: String,
    /// Name of the Lease that says which replica writes.
    #[arg(long, env = "HEADROOM_LEASE_NAME", default_value = "headroom")]
    pub lease_name: String,
    /// Where /livez, /readyz, /metrics and /debug/services are.
    #[arg(long, env = "HEADROOM_ADMIN_LISTEN", default_value = "127.0.0.1:8080")]
    pub admin_listen: SocketAddr,
    /// Image of workloads that name none.
    #[arg(long, env = "HEADROOM_WORKLOAD_IMAGE", default_value = concat!("headroom-workload:", env!("CARGO_PKG_VERSION")))]
    pub workload_image: String,
    /// When that image is pulled.
    #[arg(long, env = "HEADROOM_WORKLOAD_IMAGE_PULL_POLICY", default_value = "IfNotPresent")]
    pub workload_image_pull_policy: PullPolicy,
    /// Most status writes a second, over all services.
    #[arg(long, env = "HEADROOM_STATUS_WRITES_PER_SECOND", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub status_writes_per_second: u32,
    /// How log lines look.
    #[arg(long, env = "HEADROOM_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
