//! A connection's two directions: bytes that came in and were not used, bytes that could not go out yet.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::progress::Progress;
use super::super::registry::Hall;
use super::super::socket::Socket;

/// How much of something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Whole,
    /// Some is kept, or lies in the session's buffers.
    InPart,
}

/// What follows what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Anything,
    /// The connection is closed at once.
    Close,
}

/// A connection on the fast path.
pub(in crate::connection) struct Line {
    socket: Socket,
    /// Received and not used. Empty, and without memory, between requests.
    pub(super) inbox: BytesMut,
    /// Not written yet.
    outbox: Vec<u8>,
    pub(super) hall: Rc<Hall>,
    pub(super) progress: Rc<Progress>,
}

impl Line {
    pub(in crate::connection) fn new(
        socket: Socket,
        ahead: Bytes,
        hall: Rc<Hall>,
        progress: Rc<Progress>,
    ) -> Self {
        Self { socket, inbox: ahead.into(), outbox: Vec::new(), hall, progress }
    }

    /// The socket, and what was received and not used.
    pub(in crate::connection) fn into_parts(self) -> (Socket, Bytes) {
        (self.socket, self.inbox.freeze())
    }

    /// Reads once; `look` sees everything that was received and not used, and says how much of it is used now. `None`
    /// at the end of the stream.
    pub(super) fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&[u8]) -> (usize, T),
    ) -> Poll<io::Result<Option<T>>> {
        let hall = Rc::clone(&self.hall);
        let mut scratch = hall.scratch.read.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        let received = buffer.filled();
        if received.is_empty() {
            return Poll::Ready(Ok(None));
        }
        if self.inbox.is_empty() {
            let (used, result) = look(received);
            if used < received.len() {
                self.inbox.extend_from_slice(&received[used..]);
            }
            return Poll::Ready(Ok(Some(result)));
        }
        self.inbox.extend_from_slice(received);
        Poll::Ready(Ok(Some(self.look(look))))
    }

    /// Lets `look` see what was received and not used; it says how much of that is used now.
    pub(super) fn look<T>(&mut self, look: impl FnOnce(&[u8]) -> (usize, T)) -> T {
        let (used, result) = look(&self.inbox);
        self.inbox.advance(used);
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
        result
    }

    /// Writes what `make` puts into a buffer, all of it.
    pub(super) async fn write(&mut self, make: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut make = Some(make);
        poll_fn(|cx| {
            let make = make.take();
            Poll::Ready(make.map_or(Ok(Written::Whole), |make| self.begin_writing(cx, Then::Anything, make)))
        })
        .await?;
        self.write_rest().await
    }

    /// Writes as much as can be written at once of what `make` puts into a buffer, and keeps the rest.
    pub(super) fn begin_writing(
        &mut self,
        cx: &mut Context<'_>,
        then: Then,
        make: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<Written> {
        let hall = Rc::clone(&self.hall);
        let mut scratch = hall.scratch.write.borrow_mut();
        scratch.clear();
        make(&mut scratch);
        let written = match then {
            Then::Anything => Pin::new(&mut self.socket).poll_write(cx, &scratch),
            Then::Close => self.socket.poll_write_last(cx, &scratch),
        };
        let written = match written {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        if written == scratch.len() && self.socket.is_plain() {
            return Ok(Written::Whole);
        }
        self.outbox.extend_from_slice(&scratch[written..]);
        Ok(Written::InPart)
    }

    /// Writes what was kept.
    pub(super) async fn write_rest(&mut self) -> io::Result<()> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        let rest = std::mem::take(&mut self.outbox);
        self.write_all(&rest).await
    }

    /// Writes all of `bytes`, watched: a client that takes nothing is cut off.
    pub(super) async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| {
                let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
                match written {
                    Poll::Ready(_) => self.progress.write_progressed(),
                    Poll::Pending => {
                        self.progress.check_order()?;
                        self.progress.write_blocked(self.hall.about_now());
                    }
                }
                written
            })
            .await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.socket).poll_flush(cx)).await
    }

    /// Says that nothing more will come.
    pub(super) async fn shutdown(&mut self) {
        // What the client makes of it is of no interest any more.
        drop(poll_fn(|cx| Pin::new(&mut self.socket).poll_shutdown(cx)).await);
    }
}
