//! The control port: rules as JSON.

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::Body;
use super::play::json;
use super::rule::Rule;
use super::rules::Rules;

/// Largest list of rules, in bytes.
const LIMIT: usize = 1 << 20;

/// PUT takes rules in place of all others, GET shows them with what came of them, DELETE removes them.
pub(super) async fn answer(rules: &Rules, request: Request<Incoming>) -> Response<Body> {
    if request.uri().path() != "/rules" {
        return json(StatusCode::NOT_FOUND, "there is only /rules");
    }
    match *request.method() {
        Method::GET => {}
        Method::DELETE => rules.replace(Vec::new()),
        Method::PUT => match read(request).await {
            Ok(new) => rules.replace(new),
            Err(message) => return json(StatusCode::BAD_REQUEST, message),
        },
        _ => return json(StatusCode::METHOD_NOT_ALLOWED, "rules are put, got and deleted"),
    }
    match serde_json::to_vec(&rules.applied()) {
        Ok(body) => json(StatusCode::OK, body),
        Err(error) => json(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn read(request: Request<Incoming>) -> Result<Vec<Rule>, String> {
    let body = Limited::new(request.into_body(), LIMIT).collect().await.map_err(|error| error.to_string())?;
    let rules: Vec<Rule> =
        serde_json::from_slice(&body.to_bytes()).map_err(|error| format!("no list of rules: {error}"))?;
    rules.iter().find_map(Rule::complaint).map_or(Ok(rules), Err)
}
