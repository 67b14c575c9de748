//! Sends spans to a collector, by OTLP over HTTP as JSON, about once a second.
//!
//! The crates of OpenTelemetry would do it with an SDK of their own and protocol buffers; one request with one JSON
//! document needs neither.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};

use super::span::{Span, request};
use crate::settings::Traces;

/// Between two requests to the collector.
const PERIOD: Duration = Duration::from_secs(1);
/// Spans in one request.
const BATCH: usize = 512;
/// For a whole request; spans that could not be sent are not sent again.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends what comes, until nothing can come any more.
pub(crate) async fn export(traces: Traces, mut waiting: Receiver<Span>) -> io::Result<()> {
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let mut spans = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut spans, BATCH).await > 0 {
        let sent = timeout(TIMEOUT, send(&client, &traces, &spans)).await;
        if let Err(error) = sent.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            tracing::warn!(endpoint = %traces.endpoint, spans = spans.len(), error, "spans could not be sent");
        }
        spans.clear();
        sleep(PERIOD).await;
    }
    Ok(())
}

async fn send(
    client: &Client<HttpConnector, Full<Bytes>>,
    traces: &Traces,
    spans: &[Span],
) -> Result<(), String> {
    let body = request(&traces.service, spans).to_string();
    let request = Request::post(target(&traces.endpoint)).header(CONTENT_TYPE, "application/json");
    let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
    let answer = client.request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    status.is_success().then_some(()).ok_or_else(|| format!("answered {status}"))
}

fn target(endpoint: &Uri) -> String {
    format!("{}/v1/traces", endpoint.to_string().trim_end_matches('/'))
}
