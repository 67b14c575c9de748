//! What the admin port answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use tokio::task::{JoinError, spawn_blocking};

use super::metrics;
use super::runtime::Wanted;
use super::writers::{Refused, Writers};
use crate::clock::Clock;
use crate::core::{Core, Stage};
use crate::stats::Stats;
use crate::worker::{Crew, Runtime, WorkersError};

/// What the admin port works on.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    core: Arc<Core>,
    crew: Arc<Crew>,
    writers: Arc<Writers>,
}

/// Why a write was refused.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(
        "the body must be {{\"workers\": N or \"auto\", \"pinning\": \"auto\", \"off\" or \"forced\"}}: {0}"
    )]
    Body(#[from] serde_json::Error),
    #[error(transparent)]
    Workers(#[from] WorkersError),
    #[error("the change failed inside the server: {0}")]
    Failed(#[from] JoinError),
}

impl Admin {
    pub(crate) fn new(core: Arc<Core>, crew: Arc<Crew>, writers: Writers) -> Self {
        Self { core, crew, writers: Arc::new(writers) }
    }

    pub(super) fn clock(&self) -> Clock {
        self.core.clock
    }

    fn set_runtime(&self, peer: IpAddr, headers: &HeaderMap, body: &[u8]) -> Result<Runtime, WriteError> {
        let authorization = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let checked = self.writers.check(peer, self.core.clock.now(), authorization);
        let written = checked.map_err(WriteError::from).and_then(|()| self.write(body));
        match &written {
            Ok(runtime) => {
                tracing::info!(%peer, workers = runtime.workers, reason = runtime.reason, "runtime written");
            }
            // As many as a client likes to send: each would be a line.
            Err(WriteError::Refused(Refused::TooMany)) => tracing::debug!(%peer, "write refused: too many"),
            Err(error) => tracing::warn!(%peer, %error, "write refused"),
        }
        written
    }

    fn write(&self, body: &[u8]) -> Result<Runtime, WriteError> {
        let wanted: Wanted = serde_json::from_slice(body)?;
        Ok(self.crew.change(wanted.into())?)
    }
}

pub(super) fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/stats", get(stats))
        .route("/metrics", get(metrics))
        .route("/runtime", get(runtime).put(set_runtime))
        .with_state(admin)
}

/// Never fails for overload: taking an overloaded pod away would only overload the others.
async fn readyz(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    match admin.core.stage() {
        Stage::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Stage::Ready => (StatusCode::OK, "ok\n"),
        Stage::Unready | Stage::Closing => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
    }
}

async fn stats(State(admin): State<Admin>) -> Json<Stats> {
    Json(admin.core.stats())
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    let core = &admin.core;
    let gauges = metrics::Gauges {
        connections: core.open.load(Relaxed),
        connections_refused: core.turned_away.load(Relaxed),
        ready: core.stage() == Stage::Ready,
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::render(&core.stats(), &gauges))
}

async fn runtime(State(admin): State<Admin>) -> Result<Json<Runtime>, WriteError> {
    // Waits for a change that is being made.
    Ok(Json(spawn_blocking(move || admin.crew.runtime()).await?))
}

async fn set_runtime(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Runtime>, WriteError> {
    // Reads a file and waits for threads to start: the port answers probes meanwhile.
    spawn_blocking(move || admin.set_runtime(peer.ip(), &headers, &body)).await?.map(Json)
}

impl WriteError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refused) => refused.status(),
            Self::Failed(_) | Self::Workers(WorkersError::Start(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Body(_) | Self::Workers(WorkersError::OutOfRange(_)) => StatusCode::BAD_REQUEST,
            Self::Workers(WorkersError::StillRetiring | WorkersError::Stopping) => StatusCode::CONFLICT,
        }
    }
}

impl IntoResponse for WriteError {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = Json(serde_json::json!({ "error": self.to_string() }));
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        match &self {
            Self::Refused(refused) if status == StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(refused.challenge()));
            }
            Self::Refused(Refused::TooMany) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Off => StatusCode::FORBIDDEN,
            Self::Secret | Self::NoToken { .. } | Self::Denied(_) => StatusCode::UNAUTHORIZED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What RFC 6750 puts into the header `WWW-Authenticate`.
    fn challenge(&self) -> &'static str {
        match self {
            Self::Denied(_) => "Bearer error=\"invalid_token\"",
            _ => "Bearer",
        }
    }
}
