//! A proxy in front of the API server that disturbs what passes through it: late, refused, silent, cut and old answers,
//! by rules that a test sets on a second port. The controller under test is given its address and nothing else.

mod call;
mod control;
mod old_view;
mod play;
mod rule;
mod rules;
mod stream;
#[cfg(test)]
mod tests;
mod upstream;

pub use rule::{Applied, Fault, Matcher, Rule};
pub use upstream::Upstream;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use old_view::OldView;
use rules::Rules;

/// Port for the controller, in the cluster.
pub const PORT: u16 = 8001;
/// Port for the rules.
pub const CONTROL_PORT: u16 = 8002;

const AFTER_AN_ERROR: Duration = Duration::from_millis(100);

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What every connection uses.
#[derive(Debug, Clone)]
pub struct Proxy {
    rules: Rules,
    old_view: OldView,
    upstream: Upstream,
}

impl Proxy {
    /// In front of this API server, without rules.
    pub fn new(upstream: Upstream) -> Self {
        Self { rules: Rules::default(), old_view: OldView::default(), upstream }
    }

    /// Passes calls on for as long as the process lives.
    pub async fn serve(self, listener: TcpListener) {
        loop {
            let stream = accept(&listener).await;
            let proxy = self.clone();
            let service = service_fn(move |request| play::play(proxy.clone(), request));
            // A rule that cuts is an error here, and has been counted.
            tokio::spawn(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    }

    /// Takes rules for as long as the process lives: PUT, GET and DELETE of `/rules`.
    pub async fn serve_control(self, listener: TcpListener) {
        loop {
            let stream = accept(&listener).await;
            let rules = self.rules.clone();
            let service = service_fn(move |request| {
                let rules = rules.clone();
                async move { Ok::<_, Infallible>(control::answer(&rules, request).await) }
            });
            tokio::spawn(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    }
}

/// The next connection. An error is one of a moment: no descriptor is free, or the caller has left.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
        tokio::time::sleep(AFTER_AN_ERROR).await;
    }
}

fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}

fn error(text: &'static str) -> BoxError {
    text.into()
}
