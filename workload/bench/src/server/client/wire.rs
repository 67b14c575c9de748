//! What carries the bytes of a connection: TCP, or TLS over it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::TcpStream;

/// A nonblocking connection.
pub trait Wire: Sized {
    /// What all connections to a server share.
    type Shared;

    /// Begins to connect.
    fn connect(address: SocketAddr, shared: &Self::Shared) -> io::Result<Self>;
    /// To be told of its readiness.
    fn stream(&mut self) -> &mut TcpStream;
    /// Sends as much as possible.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Receives what there is; 0 is the end.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// TCP.
#[derive(Debug)]
pub struct Plain(TcpStream);

impl Wire for Plain {
    type Shared = ();

    fn connect(address: SocketAddr, (): &()) -> io::Result<Self> {
        // A request goes out in one piece: nothing has to be said about delays.
        Ok(Self(TcpStream::connect(address)?))
    }

    fn stream(&mut self) -> &mut TcpStream {
        &mut self.0
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        not_yet(self.0.write(bytes))
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        not_yet(self.0.read(buffer))
    }
}

/// A stream that is not connected yet is like one that would block.
pub fn not_yet(result: io::Result<usize>) -> io::Result<usize> {
    result.map_err(|error| match error.kind() {
        ErrorKind::NotConnected => ErrorKind::WouldBlock.into(),
        _ => error,
    })
}
