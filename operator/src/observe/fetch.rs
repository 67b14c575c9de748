//! Asks a server's admin port, within bounds of time and size.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use headroom_workload::stats::{STATS_VERSION, Stats};
use http_body_util::{BodyExt, Full, Limited};
use hyper::StatusCode;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// Longest wait for a whole answer: half a tick, so that a server that hangs does not delay the next one.
const TIMEOUT: Duration = Duration::from_millis(500);
/// Largest answer read. Eight times what the format allows.
const MAX_BYTES: usize = 256 * 1024;

/// Most headers of an answer, and largest buffer to read it with; the server sends a handful.
const MAX_HEADERS: usize = 32;
/// See [`MAX_HEADERS`].
const MAX_BUFFER: usize = 32 * 1024;
/// Longest message of an error, in bytes.
const MESSAGE: usize = 256;
/// A connection that was not used for so long is closed: pods that are asked every second keep theirs, so there are as
/// many open sockets as such pods; pods that take turns don't, for 50,000 of them would cost more than asking does.
const IDLE: Duration = Duration::from_secs(3);

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
    Malformed(String),
    /// A version of the format that is not known here.
    #[error(
        "the answer has statsVersion {0}, and only {STATS_VERSION} is understood: the server and Headroom must be of versions that fit"
    )]
    Version(u32),
}

/// What every version of the format says.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    stats_version: u32,
}

impl Default for Fetcher {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            // Without it idle connections are closed when they are asked for next, so those to pods that went: never.
            .pool_timer(TokioTimer::new())
            .http1_max_headers(MAX_HEADERS)
            .http1_max_buf_size(MAX_BUFFER)
            .build(connector);
        Self { client }
    }
}

impl Fetcher {
    /// What the server with this admin port has counted.
    pub async fn stats(&self, admin: SocketAddr) -> Result<Stats, FetchError> {
        let body = self.get(admin, "/stats").await?;
        let Version { stats_version: version } = understood(&body)?;
        if version != STATS_VERSION {
            return Err(FetchError::Version(version));
        }
        understood(&body)
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
        let uri = format!("http://{admin}{path}").parse().map_err(|error| failed(&error))?;
        // No redirect is followed and nothing is unpacked: this client does neither.
        let answer = self.client.get(uri).await.map_err(|error| failed(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        Ok(body.map_err(|error| failed(error.as_ref()))?.to_bytes())
    }
}

fn understood<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, FetchError> {
    serde_json::from_slice(body).map_err(|error| FetchError::Malformed(shortened(error.to_string())))
}

/// An error with its causes: "client error" alone helps nobody.
fn failed(error: &(dyn std::error::Error + 'static)) -> FetchError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    FetchError::Failed(shortened(causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")))
}

/// A message may quote the server, which may say anything, at any length.
fn shortened(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MESSAGE));
    message
}

#[cfg(test)]
mod tests;
