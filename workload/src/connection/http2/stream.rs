//! The socket of an HTTP/2 connection, watched: what comes in is counted, and when nothing goes out is noted.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::registry::Hall;
use super::super::socket::Socket;
use super::session::{Order, Session};

/// A socket that keeps [`Session`] up to date.
#[derive(Debug)]
pub(super) struct MeteredStream {
    /// Bytes that were read before it was known that they are HTTP/2.
    ahead: Bytes,
    socket: Socket,
    session: Rc<Session>,
    hall: Rc<Hall>,
    /// What of the announcement is still to be written; `None` until the first frame is out.
    announcement: Option<&'static [u8]>,
}

/// GOAWAY without an error, after the last stream that can be: no stream is refused by it (RFC 9113, section 6.8). hyper
/// says the same, but goes on to refuse streams as soon as the client has answered a ping.
const ANNOUNCEMENT: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];

impl MeteredStream {
    pub(super) fn new(ahead: Bytes, socket: Socket, session: Rc<Session>, hall: Rc<Hall>) -> Self {
        Self { ahead, socket, session, hall, announcement: None }
    }

    /// Writes the announcement once it is wanted. Between two frames alone: whoever calls has written all of the last.
    fn announce(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(rest) = self.announcement.as_mut() else { return Poll::Ready(Ok(())) };
        while !rest.is_empty() && matches!(self.session.order(), Order::Announce { .. } | Order::Leave { .. })
        {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *rest = &rest[written..];
        }
        Poll::Ready(Ok(()))
    }

    /// Keeps account of a write that returned `written`.
    fn watch(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.announcement.get_or_insert(ANNOUNCEMENT);
        match written {
            Poll::Ready(_) => self.session.write_progressed(),
            Poll::Pending => self.session.write_blocked(self.hall.about_now()),
        }
        written
    }
}

impl Drop for MeteredStream {
    fn drop(&mut self) {
        if self.session.order() == Order::Reset {
            self.socket.reset_on_close();
        }
    }
}

impl AsyncRead for MeteredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let Self { ahead, socket, .. } = &mut *self;
        let read = socket.poll_read_after(ahead, cx, buf);
        let bytes = &buf.filled()[before..];
        if !bytes.is_empty() {
            self.session.read(bytes, self.hall.about_now());
            if self.session.order() == Order::Close {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        read
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.watch(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.watch(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.announce(cx))?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
