//! The admin port, on a thread of its own so that it answers when the workers are saturated: probes, `/stats`,
//! `/metrics`, `/runtime`, `/connections`, and looks inside.

mod access;
mod attempts;
mod connections;
mod heap;
mod jwt;
mod metrics;
mod profile;
mod routes;
mod runtime;
mod serve;
mod token;
mod writers;

pub use jwt::JwksError;
#[cfg(feature = "fuzz")]
pub(crate) use jwt::fuzz::{fuzz_jwks, fuzz_token};
pub(crate) use routes::Admin;
#[cfg(feature = "fuzz")]
pub(crate) use runtime::fuzz as fuzz_bodies;
pub(crate) use serve::run;
pub use token::TokenError;
pub(crate) use writers::Writers;
pub use writers::WritersError;
