//! Connections to the API server, as an autoscaler needs them: a decision that can't be written now is not written
//! later. So nothing is retried, every call has a deadline, and a watch that falls silent is noticed.

mod bounded;
mod failures;
mod heartbeat;
mod kind;

pub use heartbeat::{Heartbeats, Pulse, WATCH_TIMEOUT};

use std::sync::Arc;

use http::HeaderValue;
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use tower::{BoxError, Layer, Service};

use super::report::metrics::Metrics;
use bounded::Bounded;
use failures::Failures;

/// What the API server's audit log shows as user agent.
const USER_AGENT: &str = concat!("headroom/", env!("CARGO_PKG_VERSION"));

/// A client for this configuration, with a connection of its own.
pub fn connect(mut config: Config, heartbeats: &Heartbeats, metrics: &Arc<Metrics>) -> kube::Result<Client> {
    // kube would send a write again for minutes; by then another size is right.
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config)?;
    Ok(builder.with_layer(&BoundedLayer::new(heartbeats, metrics)).build())
}

/// A client on top of any service that answers as an API server does.
pub fn over<S, B>(service: S, namespace: &str, heartbeats: &Heartbeats, metrics: &Arc<Metrics>) -> Client
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Client::new(BoundedLayer::new(heartbeats, metrics).layer(service), namespace)
}

struct BoundedLayer {
    heartbeats: Heartbeats,
    failures: Failures,
}

impl BoundedLayer {
    fn new(heartbeats: &Heartbeats, metrics: &Arc<Metrics>) -> Self {
        Self { heartbeats: heartbeats.clone(), failures: Failures::new(Arc::clone(metrics)) }
    }
}

impl<S> Layer<S> for BoundedLayer {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        let agent = HeaderValue::from_static(USER_AGENT);
        Bounded::new(inner, self.heartbeats.clone(), self.failures.clone(), agent)
    }
}
