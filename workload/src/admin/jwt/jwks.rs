//! A JWK set (RFC 7517, 7518): the public keys with which a cluster signs its tokens.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

const MAX_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 32;

/// The ways of signing that are accepted: those of kube-apiserver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
    Es384,
}

/// A JWK set's keys of the kinds we verify with.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: String,
    material: Material,
}

#[derive(Debug)]
enum Material {
    /// Modulus and exponent, big-endian.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// An uncompressed point.
    P256(Vec<u8>),
    /// An uncompressed point.
    P384(Vec<u8>),
}

/// Why a JWK set can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file can't be read.
    #[error("failed to read the JWK set {file}: {source}", file = file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is too large.
    #[error("the JWK set is larger than {MAX_BYTES} bytes or has more than {MAX_KEYS} keys")]
    Size,
    /// It is not what `kubectl get --raw /openid/v1/jwks` prints.
    #[error("the JWK set must be JSON like {{\"keys\":[...]}}, as of kubectl get --raw /openid/v1/jwks: {0}")]
    Form(#[from] serde_json::Error),
    /// A key is broken, too weak, or private.
    #[error("key {number} of the JWK set {problem}")]
    Key {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No key is of a kind that is used here.
    #[error("the JWK set has no key with a \"kid\" for RS256, ES256 or ES384: no token could be verified")]
    Empty,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: Option<String>,
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// Of private keys only.
    d: Option<serde::de::IgnoredAny>,
}

impl Keys {
    pub(super) fn read(file: &Path) -> Result<Self, JwksError> {
        let mut text = String::new();
        let read =
            File::open(file).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_string(&mut text));
        read.map_err(|source| JwksError::Read { file: file.to_owned(), source })?;
        Self::parse(&text)
    }

    pub(super) fn parse(text: &str) -> Result<Self, JwksError> {
        if text.len() > MAX_BYTES {
            return Err(JwksError::Size);
        }
        let document: Document = serde_json::from_str(text)?;
        if document.keys.len() > MAX_KEYS {
            return Err(JwksError::Size);
        }
        let mut keys = Vec::new();
        for (index, jwk) in document.keys.into_iter().enumerate() {
            keys.extend(jwk.into_key().map_err(|problem| JwksError::Key { number: index + 1, problem })?);
        }
        if keys.is_empty() { Err(JwksError::Empty) } else { Ok(Self(keys)) }
    }

    /// Whether there is a key of that name for that way of signing.
    pub(super) fn contains(&self, id: &str, algorithm: Algorithm) -> bool {
        self.named(id).any(|key| key.material.fits(algorithm))
    }

    /// Whether the key of that name has signed `message`.
    pub(super) fn verify(&self, id: &str, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.named(id).any(|key| key.material.verify(algorithm, message, signature))
    }

    fn named(&self, id: &str) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| key.id == id)
    }
}

impl Jwk {
    /// `None` for a key of another kind: a cluster may begin to use one beside those known here.
    fn into_key(self) -> Result<Option<Key>, &'static str> {
        if self.d.is_some() {
            return Err("is private: give public keys only");
        }
        let signs = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let (Some(id), true) = (self.kid, signs) else { return Ok(None) };
        let material = match (self.kty.as_str(), self.crv.as_deref(), self.alg.as_deref()) {
            ("RSA", _, None | Some("RS256")) => rsa(self.n.as_deref(), self.e.as_deref())?,
            ("EC", Some("P-256"), None | Some("ES256")) => {
                Material::P256(point(self.x.as_deref(), self.y.as_deref(), 32)?)
            }
            ("EC", Some("P-384"), None | Some("ES384")) => {
                Material::P384(point(self.x.as_deref(), self.y.as_deref(), 48)?)
            }
            _ => return Ok(None),
        };
        Ok(Some(Key { id, material }))
    }
}

impl Material {
    fn fits(&self, algorithm: Algorithm) -> bool {
        matches!(
            (self, algorithm),
            (Self::Rsa { .. }, Algorithm::Rs256)
                | (Self::P256(_), Algorithm::Es256)
                | (Self::P384(_), Algorithm::Es384)
        )
    }

    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verified = match (self, algorithm) {
            (Self::Rsa { n, e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Self::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Self::P384(point), Algorithm::Es384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

fn rsa(n: Option<&str>, e: Option<&str>) -> Result<Material, &'static str> {
    let (n, e) = (decode(n)?, decode(e)?);
    let bits = n.len() * 8;
    if !(2048..=8192).contains(&bits) || n[0] == 0 {
        return Err("must have 2048 to 8192 bits");
    }
    Ok(Material::Rsa { n, e })
}

fn point(x: Option<&str>, y: Option<&str>, bytes: usize) -> Result<Vec<u8>, &'static str> {
    const UNCOMPRESSED: u8 = 4;
    let (x, y) = (decode(x)?, decode(y)?);
    if (x.len(), y.len()) != (bytes, bytes) {
        return Err("has coordinates of another length than its curve's");
    }
    Ok([&[UNCOMPRESSED], x.as_slice(), &y].concat())
}

fn decode(member: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let member = member.ok_or("lacks a member: RSA keys have n and e, EC keys x and y")?;
    URL_SAFE_NO_PAD.decode(member).map_err(|_| "has a member that is not base64url")
}
