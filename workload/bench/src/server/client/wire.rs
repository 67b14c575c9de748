//! What carries the bytes of a connection: TCP, or TLS over it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

/// From where to where a connection leads.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// An address of this machine. One address has ports for some 28,000 connections to the same server.
    pub from: Option<IpAddr>,
    pub to: SocketAddr,
}

impl Route {
    /// From whatever address the system takes.
    pub fn to(to: SocketAddr) -> Self {
        Self { from: None, to }
    }

    /// Begins to connect.
    pub fn connect(self) -> io::Result<TcpStream> {
        let Some(from) = self.from else { return TcpStream::connect(self.to) };
        let socket = Socket::new(Domain::for_address(self.to), Type::STREAM.nonblocking(), None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        match socket.connect(&self.to.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }
}

/// A nonblocking connection.
pub trait Wire: Sized {
    /// What all connections to a server share.
    type Shared;

    /// Begins to connect.
    fn connect(route: Route, shared: &Self::Shared) -> io::Result<Self>;
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

    fn connect(route: Route, (): &()) -> io::Result<Self> {
        // A request goes out in one piece: nothing has to be said about delays.
        Ok(Self(route.connect()?))
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
