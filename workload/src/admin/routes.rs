//! What the admin port answers.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::{JoinError, spawn_blocking};

use super::metrics;
use super::token::{Token, TokenError};
use crate::clock::Clock;
use crate::core::{Core, Stage};
use crate::stats::Stats;
use crate::worker::{Crew, WorkersError};

/// What the admin port works on.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    core: Arc<Core>,
    crew: Arc<Crew>,
    token: Option<Token>,
}

/// What `PUT /runtime` takes, and what it answers: what is true now.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Runtime {
    workers: usize,
}

/// Why a write was refused.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("writes are off: start the server with --token-file to allow them")]
    WritesOff,
    #[error("a write needs the header \"Authorization: Bearer TOKEN\" with the token of the token file")]
    Unauthorized,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the body must be {{\"workers\": N}}: {0}")]
    Body(#[from] serde_json::Error),
    #[error(transparent)]
    Workers(#[from] WorkersError),
    #[error("the change failed inside the server: {0}")]
    Failed(#[from] JoinError),
}

impl Admin {
    pub(crate) fn new(core: Arc<Core>, crew: Arc<Crew>, token: Option<Token>) -> Self {
        Self { core, crew, token }
    }

    pub(super) fn clock(&self) -> Clock {
        self.core.clock
    }

    fn authorize(&self, headers: &HeaderMap) -> Result<(), WriteError> {
        let token = self.token.as_ref().ok_or(WriteError::WritesOff)?;
        let offered = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        if token.matches(offered.ok_or(WriteError::Unauthorized)?)? {
            Ok(())
        } else {
            Err(WriteError::Unauthorized)
        }
    }

    fn set_runtime(&self, headers: &HeaderMap, body: &[u8]) -> Result<Runtime, WriteError> {
        self.authorize(headers)?;
        let wanted: Runtime = serde_json::from_slice(body)?;
        let workers = self.crew.resize(wanted.workers)?;
        Ok(Runtime { workers })
    }
}

pub(super) fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/stats", get(stats))
        .route("/metrics", get(metrics))
        .route("/runtime", put(set_runtime))
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

async fn set_runtime(
    State(admin): State<Admin>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Runtime>, WriteError> {
    // Reads a file and waits for threads to start: the port answers probes meanwhile.
    spawn_blocking(move || admin.set_runtime(&headers, &body)).await?.map(Json)
}

impl WriteError {
    fn status(&self) -> StatusCode {
        match self {
            Self::WritesOff => StatusCode::FORBIDDEN,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Token(_) | Self::Failed(_) | Self::Workers(WorkersError::Start(_)) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
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
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}
