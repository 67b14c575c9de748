//! What a worker reads and writes, a plain TCP stream or TLS over one, and how it goes to another worker.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream as StdStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use rustix::net::{SendFlags, send};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A socket of this thread's runtime.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    /// A plain one that the runtime does not know yet: many connections have their one request read, answered and
    /// done with before anybody would have to wait for them. `None` if the runtime did not take it, which ends the
    /// connection.
    Fresh(Option<StdStream>),
    /// A session is some kilobytes: boxed, so that plain connections don't pay for it.
    Tls(Box<TlsStream<Transport>>),
}

/// A socket that belongs to no runtime: it can go to any thread.
#[derive(Debug)]
pub(crate) enum Parked {
    /// Not blocking.
    Plain(StdStream),
    Tls(Box<TlsStream<Transport>>),
}

/// The TCP stream below a TLS session. The session stays one object for as long as its connection lives; what is
/// exchanged when it goes to another thread is this.
#[derive(Debug)]
pub(crate) enum Transport {
    Registered(TcpStream),
    Parked(StdStream),
    /// Between the two; and for good if a runtime did not take the stream, which ends the connection.
    Lost,
}

impl Socket {
    /// Leaves this thread's runtime.
    pub(crate) fn park(self) -> io::Result<Parked> {
        match self {
            Self::Plain(socket) => socket.into_std().map(Parked::Plain),
            Self::Fresh(socket) => {
                socket.map(Parked::Plain).ok_or_else(|| io::ErrorKind::NotConnected.into())
            }
            Self::Tls(mut session) => {
                session.get_mut().0.park()?;
                Ok(Parked::Tls(session))
            }
        }
    }

    /// Makes the runtime know a fresh one.
    fn register(&mut self) -> io::Result<()> {
        if let Self::Fresh(socket) = self {
            let socket = socket.take().ok_or(io::ErrorKind::NotConnected)?;
            *self = Self::Plain(TcpStream::from_std(socket)?);
        }
        Ok(())
    }

    /// The TCP stream, whatever is spoken over it.
    fn as_tcp(&self) -> Option<SockRef<'_>> {
        match self {
            Self::Plain(socket) => Some(SockRef::from(socket)),
            Self::Fresh(socket) => socket.as_ref().map(SockRef::from),
            Self::Tls(session) => session.get_ref().0.registered().ok().map(SockRef::from),
        }
    }

    /// Whether the client has asked for HTTP/2, as far as TLS tells.
    pub(crate) fn agreed_on_http2(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Fresh(_) => false,
            Self::Tls(session) => session.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    /// Reads from `ahead`, received before whoever reads now had the socket, and from the socket once that is used up.
    pub(crate) fn poll_read_after(
        &mut self,
        ahead: &mut Bytes,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if ahead.is_empty() {
            return Pin::new(self).poll_read(cx, buf);
        }
        let length = ahead.len().min(buf.remaining());
        buf.put_slice(&ahead.split_to(length));
        Poll::Ready(Ok(()))
    }

    /// Writes what the connection is closed after: as far as possible it leaves with the end of the stream, in one packet
    /// instead of two.
    pub(crate) fn poll_write_last(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Self::Fresh(Some(socket)) = self {
            let written = attempt(|| Ok(send(&*socket, buf, SendFlags::MORE | SendFlags::NOSIGNAL)?));
            if written.is_ready() {
                return written;
            }
        }
        Pin::new(self).poll_write(cx, buf)
    }

    /// Whether what was written has gone to the system, not into buffers of a session.
    pub(crate) fn is_plain(&self) -> bool {
        !matches!(self, Self::Tls(_))
    }

    /// Makes closing it a reset: what the client has not taken is thrown away.
    pub(crate) fn reset_on_close(&self) {
        // A socket that does not take the option is closed all the same.
        drop(self.as_tcp().map(|socket| socket.set_linger(Some(Duration::ZERO))));
    }
}

impl Parked {
    /// Joins this thread's runtime; a plain one as soon as it has to be waited for.
    pub(crate) fn unpark(self) -> io::Result<Socket> {
        match self {
            Self::Plain(socket) => Ok(Socket::Fresh(Some(socket))),
            Self::Tls(mut session) => {
                session.get_mut().0.unpark()?;
                Ok(Socket::Tls(session))
            }
        }
    }
}

impl Transport {
    fn park(&mut self) -> io::Result<()> {
        if let Self::Registered(socket) = std::mem::replace(self, Self::Lost) {
            *self = Self::Parked(socket.into_std()?);
        }
        Ok(())
    }

    fn unpark(&mut self) -> io::Result<()> {
        if let Self::Parked(socket) = std::mem::replace(self, Self::Lost) {
            *self = Self::Registered(TcpStream::from_std(socket)?);
        }
        Ok(())
    }

    fn registered(&self) -> io::Result<&TcpStream> {
        match self {
            Self::Registered(socket) => Ok(socket),
            Self::Parked(_) | Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn registered_mut(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match self {
            Self::Registered(socket) => Ok(Pin::new(socket)),
            Self::Parked(_) | Self::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// What `operation` says; ready unless the socket has to be waited for.
fn attempt<T>(operation: impl FnOnce() -> io::Result<T>) -> Poll<io::Result<T>> {
    match operation() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Self::Fresh(Some(socket)) = this {
            let read = attempt(|| socket.read(buf.initialize_unfilled()));
            if let Poll::Ready(read) = read {
                return Poll::Ready(read.map(|bytes| buf.advance(bytes)));
            }
        }
        this.register()?;
        match this {
            Self::Fresh(_) => Poll::Pending,
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Self::Fresh(Some(socket)) = this {
            let written = attempt(|| socket.write(buf));
            if written.is_ready() {
                return written;
            }
        }
        this.register()?;
        match this {
            Self::Fresh(_) => Poll::Pending,
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.register()?;
        match this {
            Self::Fresh(_) => Poll::Pending,
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Fresh(_) => Poll::Ready(Ok(())),
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Fresh(socket) => {
                Poll::Ready(socket.as_ref().map_or(Ok(()), |socket| socket.shutdown(Shutdown::Write)))
            }
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(session) => Pin::new(session.as_mut()).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.registered_mut()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.registered_mut()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.registered_mut()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registered_mut()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registered_mut()?.poll_shutdown(cx)
    }
}
