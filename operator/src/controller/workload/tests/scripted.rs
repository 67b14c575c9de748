//! An API server of a few lines: answers with a function, and notes what it was asked.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// A call, as the server saw it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
}

/// What was asked, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    pub(crate) fn taken(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A client of a server that answers so.
pub(crate) fn client(answer: impl Fn(&Call) -> (u16, Value) + Send + Sync + 'static) -> (Client, Calls) {
    let (calls, answer) = (Calls::default(), Arc::new(answer));
    let noted = calls.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (noted, answer) = (noted.clone(), Arc::clone(&answer));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let call = Call {
                method: head.method.to_string(),
                path: head.uri.path().to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            let (status, value) = answer(&call);
            noted.0.lock().unwrap().push(call);
            let body = Full::new(bytes::Bytes::from(value.to_string()));
            Ok::<_, tower::BoxError>(Response::builder().status(status).body(body).unwrap())
        }
    });
    (Client::new(service, "default"), calls)
}

/// What an API server says when it refuses.
pub(crate) fn status(code: u16, message: &str) -> (u16, Value) {
    let reason = if code == 404 { "NotFound" } else { "" };
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "reason": reason, "message": message });
    (code, status)
}
