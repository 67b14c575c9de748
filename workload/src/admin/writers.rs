//! Who may write to the admin port: proof of it, how often it may fail, and why it failed.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::attempts::Attempts;
use super::jwt::{Denied, JwksError, Verifier};
use super::token::{Token, TokenError};
use crate::clock::Nanos;
use crate::settings::Writes;

/// Lets some peers write.
#[derive(Debug)]
pub(crate) struct Writers {
    proof: Proof,
    attempts: Mutex<Attempts>,
}

#[derive(Debug)]
enum Proof {
    Off,
    Secret(Token),
    ServiceAccount(Verifier),
}

/// Why it can't be known who may write.
#[derive(Debug, thiserror::Error)]
pub enum WritersError {
    /// The token file is of no use.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The JWK set is of no use.
    #[error(transparent)]
    Jwks(#[from] JwksError),
}

/// Why a peer may not write.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("writes are off: start the server with --token-file or --jwks to allow them")]
    Off,
    #[error("this needs the header \"Authorization: Bearer TOKEN\" with the token of the token file")]
    Secret,
    #[error("this needs the header \"Authorization: Bearer TOKEN\" with a token of {subject} for {audience}")]
    NoToken { subject: String, audience: String },
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("too many failed attempts from this address; try again in a second")]
    TooMany,
    #[error(
        "without a token this is for clients on the same machine: start the server with --token-file or --jwks, or come through kubectl port-forward"
    )]
    TooFar,
    #[error(transparent)]
    Broken(#[from] WritersError),
    #[error("the check failed inside the server; see its log")]
    Failed,
}

impl Writers {
    /// Reads what is needed once, so that a mistake shows at the start.
    pub(crate) fn new(writes: &Writes) -> Result<Self, WritersError> {
        let proof = match writes {
            Writes::Off => Proof::Off,
            Writes::TokenFile(file) => Proof::Secret(Token::read(file)?),
            Writes::ServiceAccount(account) => Proof::ServiceAccount(Verifier::new(account)?),
        };
        Ok(Self { proof, attempts: Mutex::default() })
    }

    /// Whether nobody may write.
    pub(super) fn is_off(&self) -> bool {
        matches!(self.proof, Proof::Off)
    }

    /// Whether `peer` may write at `now` with what it sent as `Authorization`. Reads files.
    pub(super) fn check(
        &self,
        peer: IpAddr,
        now: Nanos,
        authorization: Option<&[u8]>,
    ) -> Result<(), Refused> {
        if self.is_off() {
            return Err(Refused::Off);
        }
        let attempt = self.attempts().begin(peer, now).ok_or(Refused::TooMany)?;
        let bearer = authorization.and_then(|value| value.strip_prefix(b"Bearer "));
        let checked = self.proof.check(bearer);
        // What is broken here is not the peer's failure.
        if matches!(checked, Ok(()) | Err(Refused::Broken(_))) {
            self.attempts().forgive(attempt);
        }
        checked
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proof {
    fn check(&self, bearer: Option<&[u8]>) -> Result<(), Refused> {
        match self {
            Self::Off => Err(Refused::Off),
            Self::Secret(token) => {
                let matches = token.matches(bearer.ok_or(Refused::Secret)?).map_err(WritersError::from)?;
                matches.then_some(()).ok_or(Refused::Secret)
            }
            Self::ServiceAccount(verifier) => {
                let wanted = verifier.wanted();
                let token = bearer.ok_or_else(|| Refused::NoToken {
                    subject: wanted.subject.clone(),
                    audience: wanted.audience.clone(),
                })?;
                // A clock before 1970 is wrong: then every token has expired.
                let now =
                    SystemTime::UNIX_EPOCH.elapsed().map_or(f64::INFINITY, |passed| passed.as_secs_f64());
                Ok(verifier.verify(token, now).map_err(WritersError::from)??)
            }
        }
    }
}
