//! One HTTP/2 connection from its preface to its end.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::super::body::AnswerBody;
use super::super::cut::Cut;
use super::super::front::{Backend, Front};
use super::super::peer::Peer;
use super::super::progress::Progress;
use super::super::registry::Hall;
use super::super::socket::Socket;
use super::super::term::Term;
use super::body::StreamBody;
use super::health::Health;
use super::meter::Meter;
use super::session::{Order, Session};
use super::stream::MeteredStream;
use super::tasks::Tasks;

/// What a client begins with.
pub(in crate::connection) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Streams open at the same time.
const STREAMS: u32 = 100;
/// What a client may send before it is read: on a stream, and over all.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// A head, each field with 32 bytes more (RFC 9113, section 6.5.2).
const HEAD_BYTES: u32 = 16 * 1024;
/// Streams that the client has reset and nobody has looked at.
const PENDING_RESETS: usize = 20;
/// Streams that the client has made this server reset.
const CAUSED_RESETS: usize = 100;
/// Bytes of an answer that wait to be written.
const SEND_BUFFER: usize = 64 * 1024;

/// Serves a connection until it is closed. `ahead` was read from it already.
pub(in crate::connection) async fn serve(
    socket: Socket,
    ahead: Bytes,
    peer: Peer,
    term: Term,
    hall: Rc<Hall>,
    backend: Backend,
) {
    let session = Rc::new(Session::new(Meter::new(PREFACE.len()), hall.now(), term));
    let stream = MeteredStream::new(ahead, socket, Rc::clone(&session), Rc::clone(&hall));
    let tasks = Tasks::new(Rc::clone(&session), Rc::clone(&hall));
    let desk = Rc::new(Reception { session: Rc::clone(&session), hall: Rc::clone(&hall), peer, backend });
    let service = service_fn(move |request| Rc::clone(&desk).receive(request));
    let mut connection = pin!(builder(tasks).serve_connection(TokioIo::new(stream), service));
    let key = hall.enter_session(Rc::clone(&session));
    let mut told = false;
    poll_fn(|cx| {
        session.remember_waker(cx.waker());
        if let Order::Leave { .. } = session.order()
            && !told
        {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        poll_end(connection.as_mut(), &session, cx)
    })
    .await;
    hall.leave_session(key);
}

fn poll_end<C>(connection: Pin<&mut C>, session: &Session, cx: &mut Context<'_>) -> Poll<()>
where
    C: Future<Output = hyper::Result<()>>,
{
    match session.order() {
        Order::Close | Order::Reset => Poll::Ready(()),
        Order::Stay | Order::Announce { .. } | Order::Leave { .. } => connection.poll(cx).map(|ended| {
            if ended.is_err_and(|error| is_of_the_protocol(&error)) {
                session.cut(Cut::Malformed);
            }
        }),
    }
}

/// Whether a connection ended because one side did not keep to HTTP/2, and not because it was lost.
fn is_of_the_protocol(error: &hyper::Error) -> bool {
    error.source().is_some_and(|cause| !cause.is::<io::Error>())
}

fn builder(tasks: Tasks) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEAD_BYTES)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(CAUSED_RESETS)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

/// What takes the requests of one connection.
struct Reception {
    session: Rc<Session>,
    hall: Rc<Hall>,
    peer: Peer,
    backend: Backend,
}

impl Reception {
    /// The answer to one request; its stream begins now, not when the answer is first polled.
    fn receive(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<StreamBody>, Infallible>> {
        let arrived = self.hall.now();
        let progress = self.session.begin(arrived);
        async move {
            let method = request.method().clone();
            let mut response = match self.backend.health() {
                Some(health) if Health::is_asked(&request) => {
                    health.answer(request, arrived, &self.hall, &progress).await
                }
                _ => self.answer(request, &progress).await,
            };
            // Of the connection below it: here, GOAWAY says that.
            response.headers_mut().remove(CONNECTION);
            let (session, hall) = (Rc::clone(&self.session), Rc::clone(&self.hall));
            Ok(response.map(|body| StreamBody::new(body, &method, arrived, progress, session, hall)))
        }
    }
    async fn answer(&self, request: Request<Incoming>, progress: &Rc<Progress>) -> Response<AnswerBody> {
        let (hall, peer) = (Rc::clone(&self.hall), self.peer.clone());
        let front = Front::new(hall, Rc::clone(progress), peer, self.backend.clone());
        let Ok(response) = Rc::new(front).answer(request).await;
        response
    }
}
