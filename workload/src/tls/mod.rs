//! TLS on the port for requests: certificates by server name, clients that prove who they are, and files that may
//! change while the server runs.

mod certificate;
mod config;
mod error;
mod files;
mod identity;
mod port;
mod watch;

pub use error::TlsError;
pub(crate) use identity::subject;
pub(crate) use port::Port;
pub(crate) use watch::watch;
