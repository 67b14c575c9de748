//! The control thread: accepts connections, bounds the delay of the queue, and stops the server in order.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::FutureExt as _;
use rand::{Rng, RngExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::clock::Nanos;
use crate::connection::{Arrival, Opened, Parked, Peer};
use crate::core::{Core, Stage};
use crate::watch;
use crate::worker::{Command, Crew};

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Completely,
    /// The time was up; so many connections were cut.
    Cut {
        /// Connections that were still open.
        connections: usize,
    },
}

/// The pause after accepting failed, for want of descriptors or memory.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);
/// The time for the answers to what was turned away when the time was up.
const LAST_ANSWERS: Duration = Duration::from_millis(100);

/// Runs a server from its start to its end. The listener stays open until the server drains, whatever the workers do.
pub(crate) async fn run(
    core: Arc<Core>,
    crew: Arc<Crew>,
    listener: std::net::TcpListener,
) -> io::Result<Drained> {
    let listener = TcpListener::from_std(listener)?;
    let bound = tokio::task::spawn_local(bound_delay(Arc::clone(&core)));
    let following = tokio::task::spawn_local(watch::follow_machine(crew));
    tokio::select! {
        () = sleep(core.settings.start_delay) => core.advance(Stage::Ready),
        () = core.reached(Stage::Unready) => {}
    }
    tokio::select! {
        never = accept_all(&core, &listener) => match never {},
        () = until_closing(&core) => {}
    }
    // Connections that were made before the listener closes are served too.
    accept_pending(&core, &listener);
    drop(listener);
    let drained = close(&core).await;
    bound.abort();
    following.abort();
    Ok(drained)
}

async fn until_closing(core: &Core) {
    core.reached(Stage::Unready).await;
    tracing::info!("unready, draining");
    tokio::select! {
        () = sleep(core.settings.drain.wait) => core.advance(Stage::Closing),
        () = core.reached(Stage::Closing) => {}
    }
}

async fn close(core: &Core) -> Drained {
    core.gate.stop();
    core.roster.tell_all(|| Command::Close);
    if timeout(core.settings.drain.timeout, ended(core)).await.is_ok() {
        return Drained::Completely;
    }
    core.gate.clear_queue();
    drop(timeout(LAST_ANSWERS, ended(core)).await);
    let connections = core.open.load(Relaxed);
    core.roster.tell_all(|| Command::Abort);
    tracing::warn!(connections, "the drain timeout is over: the rest is cut");
    Drained::Cut { connections }
}

async fn ended(core: &Core) {
    while !core.roster.is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Watches the queue while there is one: requests must not wait longer than the bound even if no slot becomes free.
async fn bound_delay(core: Arc<Core>) {
    let period = (core.settings.queue.delay / 8).clamp(Duration::from_millis(1), Duration::from_millis(250));
    loop {
        core.gate.began_waiting().await;
        while core.gate.shed_overdue() {
            sleep(period).await;
        }
    }
}

async fn accept_all(core: &Core, listener: &TcpListener) -> Infallible {
    loop {
        if admit(core, listener.accept().await).is_break() {
            sleep(ACCEPT_RETRY).await;
        }
    }
}

/// Accepts every connection that waits.
fn accept_pending(core: &Core, listener: &TcpListener) {
    while let Some(accepted) = listener.accept().now_or_never() {
        if admit(core, accepted).is_break() {
            return;
        }
    }
}

/// Gives a new connection to a worker. Breaks when accepting fails for other reasons than its client.
fn admit(core: &Core, accepted: io::Result<(TcpStream, SocketAddr)>) -> ControlFlow<()> {
    let (socket, peer) = match accepted.and_then(|(socket, peer)| Ok((socket.into_std()?, peer))) {
        Ok(accepted) => accepted,
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => return ControlFlow::Continue(()),
        Err(error) => {
            tracing::warn!(%error, "failed to accept a connection; trying again");
            return ControlFlow::Break(());
        }
    };
    place(core, socket, Peer::at(peer));
    ControlFlow::Continue(())
}

fn place(core: &Core, mut socket: std::net::TcpStream, peer: Peer) {
    let limits = &core.settings.limits;
    let Some(opened) = Opened::within(&core.open, limits.connections) else {
        core.turned_away.fetch_add(1, Relaxed);
        // As far as it goes: the client's request is not read. Over TLS there is nothing yet to say it in.
        if core.tls.is_none() {
            drop(socket.write_all(TOO_MANY));
        }
        return;
    };
    let retires_at = core.clock.now() + lifetime(limits.connection_age, &mut rand::rng());
    core.roster.place(Arrival { socket: Parked::Plain(socket), peer, ahead: None, retires_at, opened });
}

/// How old one connection gets: those that were made at the same moment, as after a restart, don't end at the same
/// moment too.
fn lifetime(age: Duration, random: &mut impl Rng) -> Nanos {
    Nanos::from(age).scaled(random.random_range(0.9..1.1))
}

const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 33\r\n\r\noverloaded: too many connections\n";

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn connections_of_one_moment_end_evenly_over_a_fifth_of_their_age() {
        let mut random = StdRng::seed_from_u64(1);
        let mut ended = [0; 10];
        for _ in 0..10_000 {
            let Nanos(nanos) = lifetime(Duration::from_secs(100), &mut random);
            ended[(nanos / 1_000_000_000 - 90) as usize / 2] += 1;
        }
        assert!(ended.iter().all(|count| (900..1100).contains(count)), "{ended:?}");
    }
}
