//! How a worker gets connections: it accepts them itself, keeps its share, and gives the rest to others.
#![expect(
    unsafe_code,
    reason = "tokio's own listener registers each connection at once, which most don't live for"
)]

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::io::unix::AsyncFd;
use tokio::task::{spawn_local, yield_now};
use tokio::time::sleep;

use super::desk::Desk;
use super::roster::Occupied;
use crate::admission::WorkerId;
use crate::connection::{Arrival, Backend, Ended, Hall, Peer, drive, secure};
use crate::core::{Core, Stage};
use crate::door;

/// Connections accepted before requests have their turn again.
const BATCH: usize = 64;
/// The pause after accepting failed, for want of descriptors or memory.
const RETRY: Duration = Duration::from_millis(20);

/// Where one worker accepts.
#[derive(Debug)]
pub(super) struct Entrance {
    listener: AsyncFd<TcpListener>,
    seating: Rc<Seating>,
}

/// Where the connections of one worker are served.
#[derive(Debug)]
pub(super) struct Seating {
    pub(super) core: Arc<Core>,
    pub(super) id: WorkerId,
    pub(super) hall: Rc<Hall>,
    pub(super) desk: Rc<Desk>,
    pub(super) connections: Arc<AtomicUsize>,
}

/// What a round of accepting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Nobody waits any more.
    Empty,
    /// There may be more.
    Full,
    Failed,
}

impl Entrance {
    pub(super) fn new(listener: TcpListener, seating: Rc<Seating>) -> io::Result<Self> {
        // SAFETY: the descriptor is the listener's own, which lives inside the `AsyncFd` and is never exchanged.
        let listener = unsafe { AsyncFd::register(listener)? };
        Ok(Self { listener, seating })
    }

    /// Accepts from when the server is ready, for as long as it is polled.
    pub(super) async fn serve(self: Rc<Self>) {
        self.seating.core.reached(Stage::Ready).await;
        loop {
            let Ok(mut waiting) = self.listener.readable().await else { return };
            match self.accept_some() {
                Round::Empty => waiting.clear_ready(),
                Round::Full => yield_now().await,
                Round::Failed => sleep(RETRY).await,
            }
        }
    }

    /// Accepts every connection that waits.
    pub(super) fn accept_waiting(&self) {
        while self.accept_some() == Round::Full {}
    }

    fn accept_some(&self) -> Round {
        for _ in 0..BATCH {
            let accepted =
                acceptfrom_with(self.listener.get_ref(), SocketFlags::NONBLOCK | SocketFlags::CLOEXEC);
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(rustix::io::Errno::WOULDBLOCK) => return Round::Empty,
                Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    tracing::warn!(%error, "failed to accept a connection; trying again");
                    return Round::Failed;
                }
            };
            // A listener of IP gives addresses of IP.
            if let Some(Ok(address)) = address.map(SocketAddr::try_from) {
                self.seating.welcome(socket.into(), Peer::at(address));
            }
        }
        Round::Full
    }
}

impl Seating {
    fn welcome(&self, socket: std::net::TcpStream, peer: Peer) {
        let arrival = door::enter(&self.core, socket, peer);
        if let Some(arrival) = arrival.and_then(|arrival| self.core.roster.place_near(self.id, arrival)) {
            self.serve(arrival);
        }
    }

    /// Serves a connection that the roster has counted for this worker.
    pub(super) fn serve(&self, arrival: Arrival) {
        let occupied = Occupied::counted(&self.connections);
        let (hall, backend) = (Rc::clone(&self.hall), Backend::Service(Rc::clone(&self.desk)));
        let core = Arc::clone(&self.core);
        // Boxed before tokio moves it about: it is more than a kilobyte.
        spawn_local(Box::pin(async move {
            let _occupied = occupied;
            let Some(arrival) = secured(&core, arrival, &hall).await else { return };
            if let Ended::Parted(arrival) = drive(arrival, hall, backend).await {
                core.roster.place(arrival);
            }
        }));
    }
}

/// The connection, with TLS if the server speaks it.
async fn secured(core: &Core, arrival: Arrival, hall: &Hall) -> Option<Arrival> {
    match &core.tls {
        // Boxed: plain connections have no room for it.
        Some(port) => Box::pin(secure(arrival, port, hall)).await,
        None => Some(arrival),
    }
}
