//! What can be set about traces.

use http::Uri;

/// Where spans of requests are sent, and of how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// A collector that takes OTLP over HTTP as JSON: `http://HOST:4318`, to which `/v1/traces` is added.
    pub endpoint: Uri,
    /// The share of requests, 0 to 1, that are sampled where the client has not decided in its `traceparent`.
    pub share: f64,
    /// The service's name in the traces.
    pub service: String,
}
