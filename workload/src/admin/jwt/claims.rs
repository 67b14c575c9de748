//! What a token says, and whether that is what it must say.

use serde::Deserialize;

use super::verifier::Denied;
use crate::settings::ServiceAccount;

/// By how much the clocks of the cluster and of this node may differ, in seconds.
const LEEWAY: f64 = 10.0;

/// The claims that count; the others (`jti`, `kubernetes.io`, ...) are not looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    iss: Option<String>,
    aud: Option<Audience>,
    sub: Option<String>,
    /// Seconds since 1970, as the next one.
    exp: Option<f64>,
    nbf: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Claims {
    /// Checks everything at `now`, in seconds since 1970.
    pub(super) fn check(&self, wanted: &ServiceAccount, now: f64) -> Result<(), Denied> {
        if self.iss.as_ref() != Some(&wanted.issuer) {
            return Err(Denied::Issuer(wanted.issuer.clone()));
        }
        if !self.aud.as_ref().is_some_and(|aud| aud.contains(&wanted.audience)) {
            return Err(Denied::Audience(wanted.audience.clone()));
        }
        if self.sub.as_ref() != Some(&wanted.subject) {
            return Err(Denied::Subject(wanted.subject.clone()));
        }
        let expires = self.exp.ok_or(Denied::NoExpiry)?;
        if now >= expires + LEEWAY {
            return Err(Denied::Expired);
        }
        if self.nbf.is_some_and(|begins| now + LEEWAY < begins) {
            return Err(Denied::NotYetValid);
        }
        Ok(())
    }
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == wanted),
        }
    }
}
