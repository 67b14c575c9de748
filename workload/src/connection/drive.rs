//! The life of a connection on one thread: from its arrival there until it closes or goes to another thread.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::server::conn::http1::Parts;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::cut::Cut;
use super::fast::{self, Line};
use super::front::{Backend, Front};
use super::http2::{self, PREFACE};
use super::peer::Peer;
use super::progress::{Order, Progress};
use super::registry::Hall;
use super::socket::{Parked, Socket};
use super::stream::WatchedStream;
use super::term::Term;
use crate::settings::Http1;

/// A connection on its way to a thread.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: Parked,
    pub(crate) peer: Peer,
    /// Bytes read from it and not yet used. `None` for a new connection.
    pub(crate) ahead: Option<Bytes>,
    pub(crate) term: Term,
    pub(crate) opened: Opened,
}

/// Counts an open connection until it is dropped.
#[derive(Debug)]
pub(crate) struct Opened(Arc<AtomicUsize>);

/// How a connection left its thread.
#[derive(Debug)]
pub(crate) enum Ended {
    Closed,
    /// It was asked to go to another thread.
    Parted(Arrival),
}

enum End {
    Closed,
    Malformed,
    /// Its first bytes are HTTP/2's.
    Http2,
    Reset,
    Parted,
}

impl Opened {
    /// Counts one more, unless that would be more than `limit`.
    pub(crate) fn within(count: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let opened = Self(Arc::clone(count));
        (count.fetch_add(1, Relaxed) < limit).then_some(opened)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Serves a connection on this thread for as long as it stays.
pub(crate) async fn drive(arrival: Arrival, hall: Rc<Hall>, backend: Backend) -> Ended {
    let Arrival { socket, peer, ahead, term, opened } = arrival;
    let Ok(socket) = socket.unpark() else {
        return Ended::Closed;
    };
    if socket.agreed_on_http2() {
        // Boxed: it is large, and most connections never need it.
        Box::pin(http2::serve(socket, ahead.unwrap_or_default(), peer, term, hall, backend)).await;
        return Ended::Closed;
    }
    let progress = Rc::new(Progress::new(hall.now(), term, ahead.is_none()));
    let front = Rc::new(Front::new(Rc::clone(&hall), Rc::clone(&progress), peer, backend));
    let key = hall.enter(Rc::clone(&progress));
    let mut line = Line::new(socket, ahead.unwrap_or_default(), Rc::clone(&hall), Rc::clone(&progress));
    let fast = match hall.http1 {
        Http1::Fast => fast::serve(&mut line, &front).await,
        Http1::General => fast::End::Foreign,
    };
    let (socket, ahead) = line.into_parts();
    let (end, socket, ahead) = match fast {
        fast::End::Closed => (End::Closed, socket, ahead),
        fast::End::Reset => (End::Reset, socket, ahead),
        fast::End::Parted => (End::Parted, socket, ahead),
        // Boxed: most connections never need it.
        fast::End::Foreign => Box::pin(drive_with_hyper(socket, ahead, &hall, &progress, &front)).await,
    };
    hall.leave(key);
    let term = progress.term();
    match end {
        End::Closed | End::Malformed => Ended::Closed,
        End::Http2 => {
            let (peer, backend) = (front.peer.clone(), front.backend.clone());
            Box::pin(http2::serve(socket, ahead, peer, term, hall, backend)).await;
            Ended::Closed
        }
        End::Reset => {
            socket.reset_on_close();
            Ended::Closed
        }
        End::Parted => socket.park().map_or(Ended::Closed, |socket| {
            let ahead = Some(ahead);
            Ended::Parted(Arrival { socket, peer: front.peer.clone(), ahead, term, opened })
        }),
    }
}

async fn drive_with_hyper(
    socket: Socket,
    ahead: Bytes,
    hall: &Rc<Hall>,
    progress: &Rc<Progress>,
    front: &Rc<Front>,
) -> (End, Socket, Bytes) {
    let stream = WatchedStream::new(ahead, socket, Rc::clone(progress), Rc::clone(hall));
    let service = service_fn(|request| Rc::clone(front).answer(request));
    let mut connection = hall.http.serve_connection(TokioIo::new(stream), service);
    let end = poll_fn(|cx| poll_end(&mut connection, progress, cx)).await;
    let Parts { io, read_buf, .. } = connection.into_parts();
    let end = match end {
        // hyper leaves it unanswered and in the buffer.
        End::Malformed if read_buf.starts_with(PREFACE) && front.backend.speaks_http2() => End::Http2,
        End::Malformed => {
            progress.cut(Cut::Malformed);
            front.backend.malformed();
            End::Closed
        }
        end => end,
    };
    let (socket, rest) = io.into_inner().into_parts();
    // hyper reads some kilobytes at once, and there may have been more.
    let ahead = if rest.is_empty() { read_buf } else { [read_buf, rest].concat().into() };
    (end, socket, ahead)
}

fn poll_end<C>(connection: &mut C, progress: &Progress, cx: &mut Context<'_>) -> Poll<End>
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    progress.remember_waker(cx.waker());
    match progress.order() {
        Order::Close => return Poll::Ready(End::Closed),
        Order::Reset => return Poll::Ready(End::Reset),
        Order::Stay | Order::Part => {}
    }
    match Pin::new(connection).poll(cx) {
        Poll::Ready(Err(error)) if error.is_parse() => Poll::Ready(End::Malformed),
        Poll::Ready(_) => Poll::Ready(End::Closed),
        // hyper has read all there is and waits: between two requests nothing is lost by taking the socket away.
        Poll::Pending if progress.order() == Order::Part && progress.is_between_requests() => {
            Poll::Ready(End::Parted)
        }
        Poll::Pending => Poll::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of<A, B, C, F>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_at_rest_is_small() {
        // Most of the memory of ten thousand of them; a future grows unseen when something new is awaited in it.
        let bytes = bytes_of(drive);
        assert!(bytes <= 1536, "{bytes}");
    }
}
