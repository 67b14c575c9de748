//! What [`Stats`](super::Stats) says about TLS.

use serde::{Deserialize, Serialize};

/// The certificates in use, and handshakes that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsStats {
    /// When the first of the certificates in use expires: Unix time.
    pub not_after_seconds: u64,
    /// How often changed files were taken into use.
    #[serde(deserialize_with = "super::counters::count")]
    pub reloads: u64,
    /// How often changed files could not be used; what was in use before stayed.
    #[serde(deserialize_with = "super::counters::count")]
    pub reloads_failed: u64,
    /// Why the files that are there now are not in use.
    pub reload_error: Option<String>,
    /// Connections that ended before TLS was agreed on.
    #[serde(deserialize_with = "super::counters::count")]
    pub handshakes_failed: u64,
}
