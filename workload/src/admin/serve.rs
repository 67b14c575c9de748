//! Accepting connections of the admin port, with the same limits and timeouts as any other, but smaller.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{spawn_local, yield_now};
use tokio::time::{interval, sleep};

use super::routes::{Admin, router};
use crate::connection::{Arrival, Backend, Hall, Opened, Parked, Peer, Term, drive};
use crate::record::Record;
use crate::settings::{Http1, Limits};

const LIMITS: Limits = Limits {
    connections: 64,
    head_bytes: 16 * 1024,
    uri_bytes: 1024,
    body_bytes: 4096,
    handshake_timeout: Duration::from_secs(5),
    head_timeout: Duration::from_secs(5),
    body_idle: Duration::from_secs(5),
    body_grace: Duration::from_secs(5),
    body_rate: 1024,
    // The longest profile, and its making.
    request_timeout: Duration::from_secs(75),
    write_stall: Duration::from_secs(5),
    keep_alive: Duration::from_secs(75),
    connection_age: Duration::from_hours(24 * 365),
};

/// From so many connections on, a new one takes the place of the one that has been idle for longest: those that
/// somebody forgot, or holds on purpose, must not keep the probes out.
const CROWDED: usize = LIMITS.connections * 3 / 4;

/// Serves the admin port for as long as the process lives.
pub(crate) async fn run(admin: Admin, listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let hall = Hall::new(admin.clock(), LIMITS, Http1::Fast, Arc::new(Record::new(&[])));
    let router = router(admin);
    spawn_local(sweep(Rc::clone(&hall)));
    let open = Arc::new(AtomicUsize::default());
    loop {
        let Ok((socket, peer)) = listener.accept().await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        if open.load(Relaxed) >= CROWDED {
            hall.close_idlest();
            // Lets that happen before the next connection is looked at.
            yield_now().await;
        }
        let Some(opened) = Opened::within(&open, LIMITS.connections) else {
            continue;
        };
        let Ok(socket) = socket.into_std() else { continue };
        let socket = Parked::Plain(socket);
        let arrival = Arrival { socket, peer: Peer::at(peer), ahead: None, term: Term::endless(), opened };
        spawn_local(drive(arrival, Rc::clone(&hall), Backend::Admin(router.clone(), peer)));
    }
}

async fn sweep(hall: Rc<Hall>) {
    let mut tick = interval(LIMITS.sweep_interval());
    loop {
        tick.tick().await;
        hall.sweep();
    }
}
