//! READ: how the cluster signs its tokens: its name and its public keys, as any client may ask for them.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use kube::Client;
use kube::client::Body;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Verifier;

const DISCOVERY: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/openid/v1/jwks";
/// Largest answer taken, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// Most keys taken: what the server accepts.
const MAX_KEYS: usize = 32;
/// Time between two looks.
const REFRESH: Duration = Duration::from_secs(600);
/// Time after a look that failed.
const RETRY: Duration = Duration::from_secs(10);
/// Looks that fail for so long count as a refusal: workloads can't wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the cluster's keys are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The API server does not show them to the controller.
    #[error(
        "the API server answers {path} with status {status}: bind ClusterRole system:service-account-issuer-discovery \
         to the controller's service account, or worker counts can only be changed by a rolling update"
    )]
    Denied {
        /// What was asked for.
        path: &'static str,
        /// The answer.
        status: u16,
    },
    /// No usable answer.
    #[error("failed to read {path}: {message}")]
    Failed {
        /// What was asked for.
        path: &'static str,
        /// What went wrong.
        message: String,
    },
}

/// What is known of the cluster's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Issuer {
    /// Nothing yet: wait before the first Deployment is created, or its pods are replaced a moment later.
    #[default]
    Unknown,
    /// The first looks failed: wait a little, as above.
    Failing(IssuerError),
    /// The API server does not show them, or not for a while: writes to servers are off.
    Off(IssuerError),
    /// They are known.
    Known(Verifier),
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
}

#[derive(Serialize, Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// The public parts of a key. Others would not be kept.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    #[serde(default)]
    kid: String,
    kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl Issuer {
    /// For the pods.
    pub fn verifier(&self) -> Option<&Verifier> {
        match self {
            Self::Known(verifier) => Some(verifier),
            Self::Unknown | Self::Failing(_) | Self::Off(_) => None,
        }
    }

    /// What workloads wait for, if they do: an outage of a moment would have their pods replaced once more.
    pub fn awaited(&self) -> Option<String> {
        match self {
            Self::Unknown => Some("the cluster's token keys are not known yet".to_owned()),
            Self::Failing(error) => Some(format!("the cluster's token keys are not known: {error}")),
            Self::Off(_) | Self::Known(_) => None,
        }
    }
}

/// Keeps `issuer` up to date, for as long as somebody listens. What is known stays known when the API server is gone.
pub async fn follow(client: Client, subject: String, issuer: watch::Sender<Issuer>) {
    let mut failing: Option<Instant> = None;
    while !issuer.is_closed() {
        let wait = match read(&client, &subject).await {
            Ok(verifier) => {
                failing = None;
                issuer.send_if_modified(|known| replace(known, Issuer::Known(verifier)));
                REFRESH
            }
            Err(error) => {
                tracing::warn!(%error, "the cluster's token keys are not known");
                let since = *failing.get_or_insert_with(Instant::now);
                let (state, wait) = match error {
                    IssuerError::Denied { .. } => (Issuer::Off(error), REFRESH),
                    IssuerError::Failed { .. } if since.elapsed() < PATIENCE => {
                        (Issuer::Failing(error), RETRY)
                    }
                    IssuerError::Failed { .. } => (Issuer::Off(error), RETRY),
                };
                issuer.send_if_modified(|known| worse(known, state));
                wait
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = issuer.closed() => {}
        }
    }
}

/// Takes in what a look that failed means. Keys that are known stay known, and what is off is not waited for again.
fn worse(known: &mut Issuer, new: Issuer) -> bool {
    match (&*known, &new) {
        (Issuer::Known(_), _) | (Issuer::Off(_), Issuer::Failing(_)) => false,
        _ => replace(known, new),
    }
}

fn replace(known: &mut Issuer, new: Issuer) -> bool {
    let changed = *known != new;
    *known = new;
    changed
}

/// Asks once.
pub async fn read(client: &Client, subject: &str) -> Result<Verifier, IssuerError> {
    let discovery: Discovery = understood(DISCOVERY, &get(client, DISCOVERY).await?)?;
    let mut set: KeySet = understood(KEYS, &get(client, KEYS).await?)?;
    if set.keys.is_empty() || set.keys.len() > MAX_KEYS {
        let message = format!("{} keys, 1 to {MAX_KEYS} are expected", set.keys.len());
        return Err(IssuerError::Failed { path: KEYS, message });
    }
    // API servers list them in any order; the pods' template must not change with it.
    set.keys.sort();
    let jwks = serde_json::to_string(&set).map_err(|error| failed(KEYS, &error))?;
    Ok(Verifier { issuer: discovery.issuer, jwks, subject: subject.to_owned() })
}

async fn get(client: &Client, path: &'static str) -> Result<Vec<u8>, IssuerError> {
    let request = hyper::Request::get(path).body(Body::empty()).map_err(|error| failed(path, &error))?;
    let answer = client.send(request).await.map_err(|error| failed(path, &error))?;
    match answer.status().as_u16() {
        200 => {}
        status @ (401 | 403 | 404) => return Err(IssuerError::Denied { path, status }),
        status => return Err(failed(path, &format!("status {status}"))),
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    Ok(body.map_err(|error| failed(path, &error))?.to_bytes().into())
}

fn understood<'a, T: Deserialize<'a>>(path: &'static str, body: &'a [u8]) -> Result<T, IssuerError> {
    serde_json::from_slice(body).map_err(|error| failed(path, &error))
}

fn failed(path: &'static str, error: &dyn std::fmt::Display) -> IssuerError {
    IssuerError::Failed { path, message: error.to_string() }
}

#[cfg(test)]
mod tests;
