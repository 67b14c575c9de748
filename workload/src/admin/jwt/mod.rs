//! Tokens of Kubernetes service accounts (RFC 7519), verified without asking the cluster.

mod claims;
mod jwks;
#[cfg(test)]
mod tests;
mod verifier;

pub use jwks::JwksError;
pub(super) use verifier::{Denied, Verifier};
