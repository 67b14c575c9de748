//! Who may use which part of the admin port.
//!
//! Where no token is set, reads are open, as there is nothing to tell readers apart by. Where one is set, it is needed
//! for everything but the probes and what was opened on purpose.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;

use super::writers::{Refused, Writers};
use crate::clock::Clock;
use crate::settings::Read;

/// Lets requests in.
#[derive(Debug, Clone)]
pub(super) struct Access {
    clock: Clock,
    writers: Arc<Writers>,
    open: Arc<[Read]>,
}

/// A part of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Read(Read),
    /// What costs something or shows the inside.
    Debug,
}

/// Who stands before a door, and may pass or not.
#[derive(Debug, PartialEq, Eq)]
enum Rule {
    Passes,
    NeedsToken,
    TooFar,
}

impl Access {
    pub(super) fn new(clock: Clock, writers: Writers, open: &[Read]) -> Self {
        Self { clock, writers: Arc::new(writers), open: open.into() }
    }

    /// Whether `peer` has proved with these headers that it may write. Reads files.
    pub(super) fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Refused> {
        let authorization = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        self.writers.check(peer, self.clock.now(), authorization)
    }

    fn rule(&self, door: Door, peer: IpAddr) -> Rule {
        match door {
            Door::Read(read) if self.writers.is_off() || self.open.contains(&read) => Rule::Passes,
            // Who is on this machine may look into the process by other means as well.
            Door::Debug if self.writers.is_off() && peer.to_canonical().is_loopback() => Rule::Passes,
            Door::Debug if self.writers.is_off() => Rule::TooFar,
            Door::Read(_) | Door::Debug => Rule::NeedsToken,
        }
    }
}

/// Stands before a door.
pub(super) async fn guard(
    State((access, door)): State<(Access, Door)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    match access.rule(door, peer.ip()) {
        Rule::Passes => {}
        Rule::TooFar => return Err(Refused::TooFar),
        Rule::NeedsToken => {
            let headers = request.headers().clone();
            // Reads files: the port answers probes meanwhile.
            let checked = spawn_blocking(move || access.check(peer.ip(), &headers)).await;
            if let Err(refused) = checked.unwrap_or(Err(Refused::Failed)) {
                tracing::debug!(%peer, ?door, error = %refused, "read refused");
                return Err(refused);
            }
        }
    }
    Ok(next.run(request).await)
}

impl Refused {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Off | Self::TooFar => StatusCode::FORBIDDEN,
            Self::Secret | Self::NoToken { .. } | Self::Denied(_) => StatusCode::UNAUTHORIZED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Broken(_) | Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What RFC 6750 puts into the header `WWW-Authenticate`.
    fn challenge(&self) -> &'static str {
        match self {
            Self::Denied(_) => "Bearer error=\"invalid_token\"",
            _ => "Bearer",
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(serde_json::json!({ "error": self.to_string() }))).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge()));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::settings::Writes;

    fn access(token: bool, open: &[Read]) -> Access {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "secret").unwrap();
        let writes = if token { Writes::TokenFile(file) } else { Writes::Off };
        Access::new(Clock::start(), Writers::new(&writes).unwrap(), open)
    }

    const FAR: &str = "10.0.0.1";
    const HERE: &str = "::ffff:127.0.0.1";

    #[rstest]
    #[case::no_token_stats(false, &[], Door::Read(Read::Stats), FAR, Rule::Passes)]
    #[case::no_token_debug(false, &[], Door::Debug, FAR, Rule::TooFar)]
    #[case::no_token_debug_from_here(false, &[], Door::Debug, HERE, Rule::Passes)]
    #[case::token_stats(true, &[], Door::Read(Read::Stats), HERE, Rule::NeedsToken)]
    #[case::token_stats_open(true, &[Read::Stats], Door::Read(Read::Stats), FAR, Rule::Passes)]
    #[case::token_metrics(true, &[Read::Stats], Door::Read(Read::Metrics), FAR, Rule::NeedsToken)]
    #[case::token_debug(true, &[Read::Stats, Read::Metrics, Read::Runtime], Door::Debug, HERE, Rule::NeedsToken)]
    fn a_token_closes_what_is_not_opened_on_purpose(
        #[case] token: bool,
        #[case] open: &[Read],
        #[case] door: Door,
        #[case] peer: &str,
        #[case] expected: Rule,
    ) {
        assert_eq!(access(token, open).rule(door, peer.parse().unwrap()), expected);
    }
}
