//! The one listener of a server. Every worker accepts from it through a descriptor of its own; it stays open for as
//! long as the server takes connections, whatever the workers do.

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use crate::connection::{Arrival, Opened, Parked, Peer, Term};
use crate::core::Core;

/// Where connections come in.
#[derive(Debug)]
pub(crate) struct Door {
    /// `None` once it is closed.
    listener: Mutex<Option<TcpListener>>,
}

impl Door {
    /// Takes a listener that does not block.
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener: Mutex::new(Some(listener)) }
    }

    /// A descriptor of the listener; `None` once it is closed.
    pub(crate) fn listener(&self) -> io::Result<Option<TcpListener>> {
        self.lock().as_ref().map(TcpListener::try_clone).transpose()
    }

    /// Nobody gets a descriptor any more. It listens until those that were given are closed too.
    pub(crate) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<TcpListener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a new connection in, unless there are too many: then its client is told.
pub(crate) fn enter(core: &Core, mut socket: TcpStream, peer: Peer) -> Option<Arrival> {
    let limits = &core.settings.limits;
    let Some(opened) = Opened::within(&core.open, limits.connections) else {
        core.turned_away.fetch_add(1, Relaxed);
        // As far as it goes: the client's request is not read. Over TLS there is nothing yet to say it in.
        if core.tls.is_none() {
            drop(socket.write_all(TOO_MANY));
        }
        return None;
    };
    let term = Term::aged(core.clock.now(), limits.connection_age, &mut rand::rng());
    Some(Arrival { socket: Parked::Plain(socket), peer, ahead: None, term, opened })
}

const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 33\r\n\r\noverloaded: too many connections\n";
