//! Tokens of Kubernetes service accounts (RFC 7519), verified without asking the cluster.

mod claims;
mod jwks;
#[cfg(test)]
mod tests;
mod verifier;

pub use jwks::JwksError;
pub(super) use verifier::{Denied, Verifier};

/// For the fuzz targets.
#[cfg(feature = "fuzz")]
pub(super) mod fuzz {
    use super::Verifier;
    use super::jwks::Keys;
    use crate::settings::{Jwks, ServiceAccount};

    pub(crate) fn fuzz_jwks(bytes: &[u8]) {
        if let Ok(text) = std::str::from_utf8(bytes) {
            let _keys = Keys::parse(text);
        }
    }

    /// No bytes are a token that is taken: none are meant for this service.
    pub(crate) fn fuzz_token(bytes: &[u8]) {
        const KEYS: &str = include_str!("testdata/cluster-jwks.json");
        let name = || "fuzz".to_owned();
        let account = ServiceAccount {
            jwks: Jwks::Inline(KEYS.to_owned()),
            issuer: name(),
            audience: name(),
            subject: name(),
        };
        let verifier = Verifier::new(&account);
        assert!(verifier.is_ok_and(|verifier| matches!(verifier.verify(bytes, 0.0), Ok(Err(_)))));
    }
}
