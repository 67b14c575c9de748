//! The start of a connection that speaks TLS: agreeing on it, within a time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::drive::Arrival;
use super::peer::Peer;
use super::progress::{Order, Progress};
use super::registry::Hall;
use super::socket::{Parked, Socket, Transport};
use crate::tls::{Port, subject};

/// Bytes that a session holds for a client that does not take them.
const BUFFERED_BYTES: usize = 32 * 1024;

/// Makes a new connection one that speaks TLS. `None` if that failed, and the connection is closed.
pub(crate) async fn secure(arrival: Arrival, port: &Port, hall: &Hall) -> Option<Arrival> {
    let Arrival { socket, peer, ahead, term, opened } = arrival;
    let Parked::Plain(socket) = socket else {
        return Some(Arrival { socket, peer, ahead, term, opened });
    };
    let Ok(socket) = TcpStream::from_std(socket) else {
        return None;
    };
    let progress = Rc::new(Progress::handshaking(hall.now(), term));
    let key = hall.enter(Rc::clone(&progress));
    let accept = TlsAcceptor::from(port.config())
        .accept_with(Transport::Registered(socket), |session| session.set_buffer_limit(Some(BUFFERED_BYTES)));
    let mut accept = pin!(accept);
    let accepted = poll_fn(|cx| poll_handshake(accept.as_mut(), &progress, cx)).await;
    hall.leave(key);
    let Some(session) = accepted else {
        port.handshake_failed();
        return None;
    };
    let peer = Peer { subject: subject(session.get_ref().1), ..peer };
    let socket = Socket::Tls(Box::new(session)).park().ok()?;
    Some(Arrival { socket, peer, ahead, term: progress.term(), opened })
}

fn poll_handshake<F, T, E>(
    handshake: Pin<&mut F>,
    progress: &Progress,
    cx: &mut Context<'_>,
) -> Poll<Option<T>>
where
    F: Future<Output = Result<T, E>>,
{
    progress.remember_waker(cx.waker());
    match progress.order() {
        Order::Close | Order::Reset => Poll::Ready(None),
        // It goes to another worker when it has spoken its first words here.
        Order::Stay | Order::Part => handshake.poll(cx).map(Result::ok),
    }
}
