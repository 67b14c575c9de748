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
    use super::claims::Claims;
    use super::jwks::{Algorithm, Keys};
    use crate::settings::{Jwks, ServiceAccount};

    /// Whatever keys there are, none of them has signed with nothing.
    pub(crate) fn fuzz_jwks(bytes: &[u8]) {
        let Some(keys) = std::str::from_utf8(bytes).ok().and_then(|text| Keys::parse(text).ok()) else {
            return;
        };
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384] {
            for signature in [&[][..], &[0; 64], &[0; 96], &[0; 256]] {
                assert!(!keys.verify("a", algorithm, b"message", signature));
            }
        }
    }

    /// No bytes are a token that is taken: none are meant for this service. Claims are looked at as if they had been
    /// signed, too.
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
        if let Ok(claims) = serde_json::from_slice::<Claims>(bytes)
            && claims.check(&account, 1e9).is_ok()
        {
            // Once it has expired it stays so.
            assert!(claims.check(&account, f64::MAX).is_err());
        }
    }
}
