//! Tokens for writes to the servers in pods: the API server signs one for one service, for ten minutes.
//!
//! The controller asks for tokens of its own service account. The audience is the service, so a token that is stolen
//! from a pod opens the admin ports of that service and nothing else, least of all the API server.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::time::Instant;

/// Life of a token: the shortest that the API server grants.
const LIFE: Duration = Duration::from_secs(600);
/// Time before the end at which a token is no longer used: pods' clocks differ.
const MARGIN: Duration = Duration::from_secs(30);
/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(30);
/// Most tokens held. Beyond, the oldest goes.
const MOST: usize = 10_000;
/// Longest token taken, in bytes: it has to fit into a request's head.
const MAX_BYTES: usize = 8 * 1024;

/// The controller's own service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A signed token. Its text is shown to nobody but the server it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The API server gives none.
    #[error(
        "no token for {audience}: {message} (the controller needs the verb create on serviceaccounts/token for \
         ServiceAccount/{account})"
    )]
    Refused {
        /// The service it was asked for.
        audience: String,
        /// Name of the controller's service account.
        account: String,
        /// What the API server said.
        message: String,
    },
    /// The API server's answer holds no token that can be used.
    #[error("the token for {0} is empty or longer than {MAX_BYTES} bytes")]
    Unusable(String),
}

/// Gets tokens, and holds them as long as they are good.
#[derive(Debug)]
pub struct Tokens {
    accounts: Api<ServiceAccount>,
    account: String,
    held: Mutex<HashMap<String, Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    token: Option<Token>,
    /// When the token is no longer used.
    ends: Instant,
    /// When to ask again.
    next: Instant,
    /// What the last request brought, if no token.
    error: Option<TokenError>,
}

impl Account {
    /// As its tokens name it.
    pub fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

impl Token {
    /// A token with this text.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// For the header of a request.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Tokens {
    /// Of this account.
    pub fn new(client: Client, account: &Account) -> Self {
        let accounts = Api::namespaced(client, &account.namespace);
        Self { accounts, account: account.name.clone(), held: Mutex::default() }
    }

    /// A token for this service: one that is held, or a new one once half of its life is over.
    pub async fn token(&self, audience: &str) -> Result<Token, TokenError> {
        let now = Instant::now();
        let held = self.held().get(audience).cloned();
        if let Some(held) = &held
            && now < held.next
        {
            return held.answer(now, audience);
        }
        let mut new = match self.request(audience).await {
            Ok(token) => {
                Held { token: Some(token), ends: now + LIFE - MARGIN, next: now + LIFE / 2, error: None }
            }
            Err(error) => Held { token: None, ends: now, next: now + RETRY, error: Some(error) },
        };
        if new.token.is_none()
            && let Some(old) = held
        {
            (new.token, new.ends) = (old.token, old.ends);
        }
        let answer = new.answer(now, audience);
        self.hold(audience, new);
        answer
    }

    /// Asks for a new token next time: a server did not accept the one held.
    pub fn forget(&self, audience: &str) {
        self.held().remove(audience);
    }

    async fn request(&self, audience: &str) -> Result<Token, TokenError> {
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences: vec![audience.to_owned()],
                expiration_seconds: Some(LIFE.as_secs().cast_signed()),
                bound_object_ref: None,
            },
            ..TokenRequest::default()
        };
        let refused = |error: kube::Error| TokenError::Refused {
            audience: audience.to_owned(),
            account: self.account.clone(),
            message: match error {
                kube::Error::Api(status) => status.message,
                other => other.to_string(),
            },
        };
        let answer =
            self.accounts.create_token_request(&self.account, &PostParams::default(), &request).await;
        let token = answer.map_err(refused)?.status.map(|status| status.token).unwrap_or_default();
        if token.is_empty() || token.len() > MAX_BYTES {
            return Err(TokenError::Unusable(audience.to_owned()));
        }
        Ok(Token::new(&token))
    }

    fn hold(&self, audience: &str, new: Held) {
        let mut held = self.held();
        if held.len() >= MOST && !held.contains_key(audience) {
            let oldest = held.iter().min_by_key(|(_, held)| held.ends).map(|(audience, _)| audience.clone());
            oldest.map(|oldest| held.remove(&oldest));
        }
        held.insert(audience.to_owned(), new);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn answer(&self, now: Instant, audience: &str) -> Result<Token, TokenError> {
        match (&self.token, &self.error) {
            (Some(token), _) if now < self.ends => Ok(token.clone()),
            (_, Some(error)) => Err(error.clone()),
            _ => Err(TokenError::Unusable(audience.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
