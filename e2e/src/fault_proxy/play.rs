//! One call: the fault that it meets, or the API server's answer.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;

use super::call::Call;
use super::rule::Fault;
use super::rules::{Hit, Moment};
use super::{Body, BoxError, Proxy, error, full, stream};

/// Answers a call. An error ends its connection without an answer.
pub(super) async fn play(proxy: Proxy, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    let call = Call::of(&request);
    loop {
        let changes = proxy.rules.changes();
        let Some(hit) = proxy.rules.fault(&call, Moment::Request) else { break };
        match hit.fault {
            Fault::Answer { status, retry_after } => return Ok(refusal(status, retry_after)),
            Fault::Cut => return Err(error("cut by a rule")),
            Fault::Stale if matches!(call.verb, "get" | "list") => {
                return old_answer(&proxy, call, &hit, request).await;
            }
            Fault::Delay { seconds } => {
                let held = proxy.rules.hold(hit);
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                held.release();
                break;
            }
            // What is stalled meets the next rules: it may go on, or be cut.
            Fault::Stall => {
                let held = proxy.rules.hold(hit);
                wait(changes).await;
                held.release();
            }
            Fault::Stale | Fault::Silence | Fault::Gone | Fault::Drop => break,
        }
    }
    pass_on(&proxy, call, request).await
}

async fn wait(mut changes: tokio::sync::watch::Receiver<u64>) {
    // Its sender lives as long as the proxy.
    let _ = changes.changed().await;
}

async fn pass_on(proxy: &Proxy, call: Call, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    let answer = match proxy.upstream.pass_on(request).await {
        Ok(answer) => answer,
        Err(error) => return Ok(bad_gateway(&error)),
    };
    let streams = call.verb == "watch" && answer.status().is_success();
    let (mut parts, body) = answer.into_parts();
    let body = if streams {
        parts.headers.remove(header::CONTENT_LENGTH);
        StreamBody::new(stream::watch(body, call, proxy.rules.clone())).boxed_unsync()
    } else {
        body.map_err(Into::into).boxed_unsync()
    };
    Ok(Response::from_parts(parts, body))
}

async fn old_answer(
    proxy: &Proxy,
    call: Call,
    hit: &Hit,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let kept = proxy.old_view.of(&call.uri, hit.change);
    let old = match kept {
        Some(old) => old,
        None => proxy.old_view.keep(call.uri, hit.change, proxy.upstream.pass_on(request).await?).await?,
    };
    Ok(old.into_response().map(|body| body.map_err(|never| match never {}).boxed_unsync()))
}

/// As the API server would refuse.
fn refusal(status: u16, retry_after: Option<u32>) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = status.canonical_reason().unwrap_or_default().replace(' ', "");
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
        "message": "refused by the fault proxy", "code": status.as_u16(),
    });
    let mut response = json(status, body.to_string());
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn bad_gateway(error: &BoxError) -> Response<Body> {
    json(StatusCode::BAD_GATEWAY, format!("the fault proxy can't reach the API server: {error}"))
}

pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
