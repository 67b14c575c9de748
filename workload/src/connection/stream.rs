//! The socket of a connection, watched: when bytes come in, when they can't go out, when an answer is written.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::progress::{Answered, Progress};
use super::registry::Hall;
use super::socket::Socket;

/// A socket that keeps [`Progress`] up to date.
#[derive(Debug)]
pub(super) struct WatchedStream {
    /// Bytes that were read before the connection came to this thread.
    ahead: Bytes,
    socket: Socket,
    progress: Rc<Progress>,
    hall: Rc<Hall>,
}

impl WatchedStream {
    pub(super) fn new(ahead: Bytes, socket: Socket, progress: Rc<Progress>, hall: Rc<Hall>) -> Self {
        Self { ahead, socket, progress, hall }
    }

    /// The socket, and what of the bytes ahead nobody has read.
    pub(super) fn into_parts(self) -> (Socket, Bytes) {
        (self.socket, self.ahead)
    }

    /// Keeps account of a write that returned `written`.
    fn watch(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(_) => self.progress.write_progressed(),
            Poll::Pending => self.progress.write_blocked(self.hall.about_now()),
        }
        written
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let Self { ahead, socket, .. } = &mut *self;
        ready!(socket.poll_read_after(ahead, cx, buf))?;
        if buf.filled().len() > before {
            self.progress.bytes_read(self.hall.about_now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WatchedStream {
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

    /// hyper flushes once everything it had is written: only then is an answer complete.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        if let Some((how, arrived)) = self.progress.flushed() {
            let now = self.hall.now();
            if how == Answered::Successfully {
                self.hall.record.succeeded(now - arrived);
            }
            self.progress.idle(now);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
