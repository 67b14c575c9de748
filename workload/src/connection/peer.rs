//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The client of a connection, as the transport tells; who it is to the service may stand in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where the connection comes from. IPv4 stays IPv4 on a socket that takes both.
    pub(crate) address: IpAddr,
    /// Subject of the certificate that the client has proved to hold.
    pub(crate) subject: Option<Arc<str>>,
}

impl Peer {
    /// A client that has proved nothing.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address: address.ip().to_canonical(), subject: None }
    }
}
