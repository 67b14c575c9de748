//! Tells a server's admin port what to run, within bounds of time and size.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Fetcher;

/// Longest wait for an answer: the server starts or ends threads before it answers.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Largest answer read.
const MAX_BYTES: usize = 4096;
/// Longest message passed on, in bytes.
const MESSAGE: usize = 256;

/// Why a server did not take what it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Nobody answered in time.
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// The connection or the answer failed.
    #[error("failed to tell: {0}")]
    Failed(String),
    /// The server refused.
    #[error("refused with status {status}: {message}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// What the server said.
        message: String,
    },
}

/// What `PUT /runtime` takes and answers.
#[derive(Debug, Serialize, Deserialize)]
struct Runtime {
    workers: u32,
}

/// What `PUT /connections` takes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fewer {
    at_most: u32,
}

/// What it answers.
#[derive(Debug, Deserialize)]
struct Ending {
    ending: u32,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Fetcher {
    /// Lets the server with this admin port run so many workers; returns how many it runs then.
    pub async fn set_workers(&self, admin: SocketAddr, token: &str, workers: u32) -> Result<u32, WriteError> {
        let runs: Runtime = self.put(admin, "/runtime", token, &Runtime { workers }).await?;
        Ok(runs.workers)
    }

    /// Lets the server with this admin port end its connections above so many, gently; returns how many are ending
    /// then.
    pub async fn shed(&self, admin: SocketAddr, token: &str, at_most: u32) -> Result<u32, WriteError> {
        let now: Ending = self.put(admin, "/connections", token, &Fewer { at_most }).await?;
        Ok(now.ending)
    }

    async fn put<T: DeserializeOwned>(
        &self,
        admin: SocketAddr,
        path: &str,
        token: &str,
        wanted: &impl Serialize,
    ) -> Result<T, WriteError> {
        let put = self.put_unhurried(admin, path, token, wanted);
        tokio::time::timeout(TIMEOUT, put).await.map_err(|_| WriteError::Timeout)?
    }

    async fn put_unhurried<T: DeserializeOwned>(
        &self,
        admin: SocketAddr,
        path: &str,
        token: &str,
        wanted: &impl Serialize,
    ) -> Result<T, WriteError> {
        let failed = |error: &dyn std::fmt::Display| WriteError::Failed(error.to_string());
        let body = serde_json::to_vec(wanted).map_err(|error| failed(&error))?;
        let request = Request::put(format!("http://{admin}{path}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| failed(&error))?;
        let answer = self.client.request(request).await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        let body = body.map_err(|error| failed(&error))?.to_bytes();
        if status != StatusCode::OK {
            return Err(WriteError::Refused { status: status.as_u16(), message: message(&body) });
        }
        serde_json::from_slice(&body).map_err(|error| failed(&error))
    }
}

/// Some of what the server said, without control characters: it ends up in logs and in the status.
fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.error,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text[..text.floor_char_boundary(MESSAGE)].to_owned()
}

#[cfg(test)]
mod tests {
    use axum::extract::Json;
    use axum::http::HeaderMap;
    use axum::response::{IntoResponse, Redirect};
    use axum::{Router, routing::put};
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    use super::*;

    /// Tells a server that answers `PUT /runtime` so.
    async fn told<R: IntoResponse + 'static>(answer: fn(HeaderMap, Value) -> R) -> Result<u32, WriteError> {
        let runtime =
            put(move |headers: HeaderMap, Json(body): Json<Value>| async move { answer(headers, body) });
        let elsewhere = put(|| async { Json(json!({ "workers": 4 })) });
        let router = Router::new().route("/runtime", runtime).route("/elsewhere", elsewhere);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let answer = Fetcher::default().set_workers(admin, "signed", 4).await;
        server.abort();
        answer
    }

    #[tokio::test]
    async fn the_token_and_the_count_arrive() {
        let workers = told(|headers, body| {
            assert_eq!(headers[AUTHORIZATION], "Bearer signed");
            assert_eq!(body, json!({ "workers": 4 }));
            Json(json!({ "workers": 3 }))
        });
        assert_eq!(workers.await, Ok(3), "what the server says it runs");
    }

    #[tokio::test]
    async fn an_order_to_have_fewer_connections_arrives() {
        let taken = put(|headers: HeaderMap, Json(body): Json<Value>| async move {
            assert_eq!(headers[AUTHORIZATION], "Bearer signed");
            assert_eq!(body, json!({ "atMost": 15 }));
            Json(json!({ "connections": 24, "ending": 9 }))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = listener.local_addr().unwrap();
        let router = Router::new().route("/connections", taken);
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        assert_eq!(Fetcher::default().shed(admin, "signed", 15).await, Ok(9));
        server.abort();
    }

    #[tokio::test]
    async fn a_refusal_says_why_in_one_short_line() {
        let refused =
            |_, _| (StatusCode::FORBIDDEN, Json(json!({ "error": format!("no\n{}", "x".repeat(1000)) })));
        let Err(WriteError::Refused { status: 403, message }) = told(refused).await else { panic!() };
        assert_eq!(message, format!("no{}", "x".repeat(254)));
    }

    #[tokio::test]
    async fn a_token_is_not_carried_elsewhere() {
        let answer = told(|_, _| Redirect::temporary("/elsewhere")).await;
        assert!(matches!(answer, Err(WriteError::Refused { status: 307, .. })), "{answer:?}");
    }

    #[tokio::test]
    async fn an_answer_without_bounds_is_not_read() {
        let answer = told(|_, _| "x".repeat(MAX_BYTES + 1)).await;
        assert!(matches!(answer, Err(WriteError::Failed(_))), "{answer:?}");
    }
}
