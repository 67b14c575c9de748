//! What the admin port answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::{ConnectInfo, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, put};
use axum::{Json, Router};
use bytes::Bytes;
use tokio::task::{JoinError, spawn_blocking};

use super::access::{Access, Door, guard};
use super::connections::{Connections, Fewer};
use super::heap::heap;
use super::metrics;
use super::profile::profile;
use super::runtime::Wanted;
use super::writers::{Refused, Writers};
use crate::clock::Clock;
use crate::core::{Core, Stage};
use crate::settings::Read;
use crate::stats::Stats;
use crate::worker::{Crew, Runtime, WorkersError};

/// What the admin port works on.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    core: Arc<Core>,
    crew: Arc<Crew>,
    access: Access,
}

/// Why a write was refused.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(
        "the body must be {{\"workers\": N or \"auto\", \"pinning\": \"auto\", \"off\" or \"forced\"}}: {0}"
    )]
    Runtime(#[source] serde_json::Error),
    #[error("the body must be {{\"atMost\": N}}, N from 1 on: {0}")]
    Connections(#[source] serde_json::Error),
    #[error(transparent)]
    Workers(#[from] WorkersError),
    #[error("the change failed inside the server: {0}")]
    Failed(#[from] JoinError),
}

impl Admin {
    pub(crate) fn new(core: Arc<Core>, crew: Arc<Crew>, writers: Writers) -> Self {
        let access = Access::new(core.clock, writers, &core.settings.open_reads);
        Self { core, crew, access }
    }

    pub(super) fn clock(&self) -> Clock {
        self.core.clock
    }

    fn set_runtime(&self, peer: IpAddr, headers: &HeaderMap, body: &[u8]) -> Result<Runtime, WriteError> {
        let runtime = self.written(peer, headers, || {
            let wanted: Wanted = serde_json::from_slice(body).map_err(WriteError::Runtime)?;
            Ok(self.crew.change(wanted.into())?)
        })?;
        tracing::info!(%peer, workers = runtime.workers, reason = runtime.reason, "runtime written");
        Ok(runtime)
    }

    fn set_connections(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Connections, WriteError> {
        let connections = self.written(peer, headers, || {
            let Fewer { at_most } = serde_json::from_slice(body).map_err(WriteError::Connections)?;
            let ending = self.core.roster.shed(at_most.get());
            Ok(Connections { connections: self.core.open.load(Relaxed), ending })
        })?;
        let Connections { connections, ending } = connections;
        tracing::info!(%peer, connections, ending, "connections written");
        Ok(Connections { connections, ending })
    }

    /// What writing comes to, if the writer may.
    fn written<T>(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        write: impl FnOnce() -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        let checked = self.access.check(peer, headers);
        let written = checked.map_err(WriteError::from).and_then(|()| write());
        match &written {
            Ok(_) => {}
            // As many as a client likes to send: each would be a line.
            Err(WriteError::Refused(Refused::TooMany)) => tracing::debug!(%peer, "write refused: too many"),
            Err(error) => tracing::warn!(%peer, %error, "write refused"),
        }
        written
    }
}

pub(super) fn router(admin: Admin) -> Router {
    let behind = |door, route: MethodRouter<Admin>| {
        route.route_layer(from_fn_with_state((admin.access.clone(), door), guard))
    };
    let read = |what, route| behind(Door::Read(what), route);
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/stats", read(Read::Stats, get(stats)))
        .route("/metrics", read(Read::Metrics, get(metrics)))
        // Writing checks for itself, as its refusals are logged.
        .route("/debug/pprof/profile", behind(Door::Debug, get(profile)))
        .route("/debug/heap", behind(Door::Debug, get(heap)))
        .route("/runtime", read(Read::Runtime, get(runtime)).put(set_runtime))
        .route("/connections", put(set_connections))
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
        stalls: core.pulses.stalls(),
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

async fn set_connections(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Connections>, WriteError> {
    // Reads a file, as above.
    spawn_blocking(move || admin.set_connections(peer.ip(), &headers, &body)).await?.map(Json)
}

impl WriteError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refused) => refused.status(),
            Self::Failed(_) | Self::Workers(WorkersError::Start(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Runtime(_) | Self::Connections(_) | Self::Workers(WorkersError::OutOfRange(_)) => {
                StatusCode::BAD_REQUEST
            }
            Self::Workers(WorkersError::StillRetiring | WorkersError::Stopping) => StatusCode::CONFLICT,
        }
    }
}

impl IntoResponse for WriteError {
    fn into_response(self) -> Response {
        let status = self.status();
        match self {
            Self::Refused(refused) => refused.into_response(),
            error => (status, Json(serde_json::json!({ "error": error.to_string() }))).into_response(),
        }
    }
}
