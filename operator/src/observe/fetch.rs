//! Asks a server's admin port, within bounds of time and size.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use headroom_workload::stats::Stats;
use http_body_util::{BodyExt, Full, Limited};
use hyper::StatusCode;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

/// Longest wait for a whole answer: half a tick, so that a server that hangs does not delay the next one.
const TIMEOUT: Duration = Duration::from_millis(500);
/// Largest answer read. Eight times what the format allows.
const MAX_BYTES: usize = 256 * 1024;

/// Asks admin ports. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    pub(super) client: Client<HttpConnector, Full<Bytes>>,
}

/// Why a server's statistics are not known.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody answered in time.
    #[error("no answer within {} ms", TIMEOUT.as_millis())]
    Timeout,
    /// The connection or the answer failed.
    #[error("failed to ask: {0}")]
    Failed(String),
    /// Another status than 200.
    #[error("answered with status {0}")]
    Status(StatusCode),
    /// Not what `/stats` answers.
    #[error("the answer is not understood: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl Default for Fetcher {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client }
    }
}

impl Fetcher {
    /// What the server with this admin port has counted.
    pub async fn stats(&self, admin: SocketAddr) -> Result<Stats, FetchError> {
        let body = self.get(admin, "/stats").await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Whether the server with this admin port wants requests.
    pub async fn is_ready(&self, admin: SocketAddr) -> bool {
        self.get(admin, "/readyz").await.is_ok()
    }

    async fn get(&self, admin: SocketAddr, path: &str) -> Result<Bytes, FetchError> {
        tokio::time::timeout(TIMEOUT, self.get_unhurried(admin, path))
            .await
            .map_err(|_| FetchError::Timeout)?
    }

    async fn get_unhurried(&self, admin: SocketAddr, path: &str) -> Result<Bytes, FetchError> {
        let failed = |error: &dyn std::fmt::Display| FetchError::Failed(error.to_string());
        let uri = format!("http://{admin}{path}").parse().map_err(|error| failed(&error))?;
        let answer = self.client.get(uri).await.map_err(|error| failed(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        Ok(body.map_err(|error| failed(&error))?.to_bytes())
    }
}
