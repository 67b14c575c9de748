//! The controller's admin port: whether the loop turns, whether it sees the cluster, metrics, and what it knows.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;

use super::report::board::Board;
use super::report::metrics::{CONTENT_TYPE, Metrics};

/// A loop that has not turned for so long has stopped.
pub const STUCK: Duration = Duration::from_secs(10);
/// Connections served at a time; further ones wait in the socket.
const MOST_CONNECTIONS: usize = 64;
/// A request's head arrives within this time, also on a connection that was kept open.
const HEAD: Duration = Duration::from_secs(10);
/// A connection lives at most so long, which bounds readers that don't read.
const CONNECTION: Duration = Duration::from_secs(120);
/// Bytes buffered of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Bytes of `/debug/services` after which services are only named.
const DEBUG_BYTES: usize = 4 << 20;
/// Bytes of it that are handed out at a time.
const CHUNK: usize = 64 * 1024;
/// Seconds after which to ask again, when somebody else is just being answered.
const AGAIN: &str = "1";
/// Rest after accepting failed, mostly for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// What the admin port shows.
#[derive(Debug, Clone)]
pub struct Admin {
    /// When the loop last turned; `None` before it first did.
    pub turned: watch::Receiver<Option<Instant>>,
    /// Whether every watch has delivered its objects once.
    pub synced: watch::Receiver<bool>,
    /// What Prometheus reads.
    pub metrics: Arc<Metrics>,
    /// What is known of each service.
    pub board: Arc<Board>,
    /// The turn to be answered about services: such an answer is long.
    pub turn: Arc<Semaphore>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    namespace: Option<String>,
    name: Option<String>,
}

impl Admin {
    /// Serves until the process ends. Returns the address once it listens.
    ///
    /// # Errors
    /// The address can't be listened on.
    pub async fn serve(self, address: SocketAddr) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        tokio::spawn(accept(listener, self.router()));
        Ok(address)
    }

    /// The paths, without a port.
    pub fn router(self) -> Router {
        Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/debug/services", get(services))
            .with_state(self)
    }
}

async fn livez(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    // Before the first turn the watches are being filled: a slow API server is no reason to start again.
    let turned = *admin.turned.borrow();
    match turned {
        Some(at) if at.elapsed() > STUCK => (StatusCode::INTERNAL_SERVER_ERROR, "the loop has stopped\n"),
        _ => (StatusCode::OK, "ok\n"),
    }
}

async fn readyz(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    if *admin.synced.borrow() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "waiting for the API server to list what is watched\n")
    }
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], admin.metrics.text())
}

async fn services(State(admin): State<Admin>, Query(wanted): Query<Wanted>) -> Response {
    let Ok(turn) = admin.turn.try_acquire_owned() else {
        let again = [(header::RETRY_AFTER, AGAIN)];
        return (StatusCode::SERVICE_UNAVAILABLE, again, "somebody else is being answered\n").into_response();
    };
    let written = spawn_blocking(move || {
        let fits =
            |filter: &Option<String>, value: &str| filter.as_ref().is_none_or(|filter| filter == value);
        let fits =
            |namespace: &str, name: &str| fits(&wanted.namespace, namespace) && fits(&wanted.name, name);
        admin.board.json(fits, DEBUG_BYTES)
    });
    let failed =
        |error: &dyn Error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response();
    match written.await {
        Ok(Ok(json)) => ([(header::CONTENT_TYPE, "application/json")], slowly(json, turn)).into_response(),
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

/// A body that keeps its turn until it has been read or given up: only one is in memory.
fn slowly(json: String, turn: OwnedSemaphorePermit) -> Body {
    let rest = (Bytes::from(json), turn);
    Body::from_stream(stream::unfold(rest, |(mut rest, turn)| async move {
        let chunk = rest.split_to(rest.len().min(CHUNK));
        (!chunk.is_empty()).then(|| (Ok::<_, Infallible>(chunk), (rest, turn)))
    }))
}

async fn accept(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((connection, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    let _ = timeout(CONNECTION, converse(connection, router)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port can't accept a connection");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn converse(connection: TcpStream, router: Router) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move {
            let answer: Result<Response, Infallible> = router.oneshot(request.map(Body::new)).await;
            answer
        }
    });
    // Without a timer hyper's header timeout does nothing.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(connection), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection to the admin port ended early");
    }
}

#[cfg(test)]
mod tests;
