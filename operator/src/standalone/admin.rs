//! The admin port of standalone mode: what was last seen and decided, and whether the loop turns.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use headroom_core::PodState;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Tick;
use crate::clock::Clock;

/// A loop that has not turned for so long has stopped.
const STUCK: Duration = Duration::from_secs(5);

/// The last tick, once there was one.
pub(super) type LastTick = watch::Receiver<Option<Arc<Tick>>>;

#[derive(Debug, Clone)]
struct Shown {
    last: LastTick,
    clock: Clock,
}

/// Serves until the process ends; returns the address.
pub(super) async fn serve(address: SocketAddr, last: LastTick, clock: Clock) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/debug/services", get(services))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(Shown { last, clock });
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the admin port ended");
        }
    });
    Ok(address)
}

async fn services(State(shown): State<Shown>) -> Response {
    let last = shown.last.borrow().clone();
    Json(Vec::from_iter(last.as_deref())).into_response()
}

async fn livez(State(shown): State<Shown>) -> (StatusCode, &'static str) {
    let last = shown.last.borrow().as_ref().map(|tick| tick.at);
    match last {
        Some(at) if shown.clock.now().duration_since(at).unsigned_abs() > STUCK => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the loop has stopped\n")
        }
        _ => (StatusCode::OK, "ok\n"),
    }
}

async fn readyz(State(shown): State<Shown>) -> (StatusCode, &'static str) {
    let serves = |tick: &Arc<Tick>| tick.observation.pods.iter().any(|pod| pod.state == PodState::Ready);
    if shown.last.borrow().as_ref().is_some_and(serves) {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no server is ready\n")
    }
}
