//! A cluster that signs tokens with a key of its own, made for the test.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
pub(crate) const AUDIENCE: &str = "shop/orders";
pub(crate) const SUBJECT: &str = "system:serviceaccount:headroom:headroom-controller";

pub(crate) struct Issuer {
    kid: &'static str,
    alg: &'static str,
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    /// Signs with `alg`: ES256 or ES384.
    pub(crate) fn new(kid: &'static str, alg: &'static str) -> Self {
        let random = SystemRandom::new();
        let kind = match alg {
            "ES256" => &ECDSA_P256_SHA256_FIXED_SIGNING,
            _ => &ECDSA_P384_SHA384_FIXED_SIGNING,
        };
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap();
        Self { kid, alg, key, random }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = &self.key.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let crv = if self.alg == "ES256" { "P-256" } else { "P-384" };
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({"use": "sig", "kty": "EC", "kid": self.kid, "crv": crv, "alg": self.alg, "x": x, "y": y})
    }

    pub(crate) fn jwks(&self) -> String {
        json!({ "keys": [self.jwk()] }).to_string()
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": self.alg, "kid": self.kid}), claims)
    }

    /// A token with any header, signed whatever that says.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&self.random, message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What a token of the controller says at `now`, in seconds since 1970.
pub(crate) fn claims(now: u64) -> Value {
    json!({
        "iss": ISSUER, "aud": [AUDIENCE], "sub": SUBJECT, "iat": now, "nbf": now, "exp": now + 600,
    })
}
