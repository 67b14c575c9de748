//! Whether a bearer token was signed by the cluster, for this service, for the service account that may write.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::claims::Claims;
use super::jwks::{Algorithm, JwksError, Keys};
use crate::settings::{Jwks, ServiceAccount};

/// kube-apiserver's tokens have about 1 KiB.
const MAX_BYTES: usize = 8 * 1024;

/// Verifies tokens.
#[derive(Debug)]
pub(crate) struct Verifier {
    wanted: ServiceAccount,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Fixed(Keys),
    /// Read for each token.
    File(PathBuf),
}

/// Which check a token failed. Says what was expected and nothing of the token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("the token is longer than {MAX_BYTES} bytes")]
    Oversized,
    #[error("the token is not a signed JWT: three parts of base64url with JSON in the first two")]
    Form,
    #[error("the token's algorithm (alg) is not RS256, ES256 or ES384")]
    Algorithm,
    #[error("the token has critical header parameters (crit), none of which are known")]
    Critical,
    #[error(
        "the token's key (kid) is not in the JWK set for its algorithm; have the cluster's keys changed?"
    )]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token's claims are not of the form that RFC 7519 gives them")]
    Claims,
    #[error("the token's issuer (iss) is not {0}")]
    Issuer(String),
    #[error("the token's audience (aud) is not {0}")]
    Audience(String),
    #[error("the token's subject (sub) is not {0}")]
    Subject(String),
    #[error("the token never expires: it must have an exp")]
    NoExpiry,
    #[error("the token has expired (exp)")]
    Expired,
    #[error("the token is not valid yet (nbf); do the clocks differ?")]
    NotYetValid,
}

#[derive(Deserialize)]
struct Header {
    /// Any string: which of them are taken is checked apart, for the better message.
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl Verifier {
    /// Reads the keys once, so that a mistake shows at the start.
    pub(crate) fn new(wanted: &ServiceAccount) -> Result<Self, JwksError> {
        let source = match &wanted.jwks {
            Jwks::Inline(text) => Source::Fixed(Keys::parse(text)?),
            Jwks::File(file) => {
                Keys::read(file)?;
                Source::File(file.clone())
            }
        };
        Ok(Self { wanted: wanted.clone(), source })
    }

    pub(crate) fn wanted(&self) -> &ServiceAccount {
        &self.wanted
    }

    /// Whether `token` is valid at `now`, in seconds since 1970. The error is the server's, the result the token's.
    pub(crate) fn verify(&self, token: &[u8], now: f64) -> Result<Result<(), Denied>, JwksError> {
        // Before the file is read: what is no token at all costs nothing.
        let signed = match Signed::read(token) {
            Ok(signed) => signed,
            Err(denied) => return Ok(Err(denied)),
        };
        let claims = match &self.source {
            Source::Fixed(keys) => signed.claims(keys),
            Source::File(file) => signed.claims(&Keys::read(file)?),
        };
        Ok(claims.and_then(|claims| claims.check(&self.wanted, now)))
    }
}

/// A token taken apart.
struct Signed<'a> {
    algorithm: Algorithm,
    key: String,
    /// Header and payload as they were signed.
    message: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Signed<'a> {
    fn read(token: &'a [u8]) -> Result<Self, Denied> {
        if token.len() > MAX_BYTES {
            return Err(Denied::Oversized);
        }
        let token = str::from_utf8(token).map_err(|_| Denied::Form)?;
        let (message, signature) = token.rsplit_once('.').ok_or(Denied::Form)?;
        let (header, payload) = message.split_once('.').ok_or(Denied::Form)?;
        let header: Header = json(header).ok_or(Denied::Form)?;
        let algorithm = algorithm(&header.alg).ok_or(Denied::Algorithm)?;
        if header.crit.is_some() {
            return Err(Denied::Critical);
        }
        let key = header.kid.ok_or(Denied::UnknownKey)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Denied::Form)?;
        Ok(Self { algorithm, key, message, payload, signature })
    }

    /// The claims, once it is certain that the cluster made them.
    fn claims(&self, keys: &Keys) -> Result<Claims, Denied> {
        if !keys.contains(&self.key, self.algorithm) {
            return Err(Denied::UnknownKey);
        }
        if !keys.verify(&self.key, self.algorithm, self.message.as_bytes(), &self.signature) {
            return Err(Denied::Signature);
        }
        json(self.payload).ok_or(Denied::Claims)
    }
}

fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "RS256" => Some(Algorithm::Rs256),
        "ES256" => Some(Algorithm::Es256),
        "ES384" => Some(Algorithm::Es384),
        _ => None,
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
