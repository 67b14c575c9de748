//! The admin port, on a thread of its own so that it answers when the workers are saturated: probes, `/stats`,
//! `/metrics`, and `PUT /runtime`.

mod metrics;
mod routes;
mod serve;
mod token;

pub(crate) use routes::Admin;
pub(crate) use serve::run;
pub(crate) use token::Token;
pub use token::TokenError;
