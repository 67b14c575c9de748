//! Old connections end, which moves load to new servers and fails no request.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::client::Client;
use crate::service::{Service, limited, start, workers};

const CLIENTS: usize = 20;

/// Connections that live some milliseconds.
fn short_lived() -> Service {
    start(|server| {
        limited(server.workers(workers(2)), |limits| limits.connection_age = Duration::from_millis(5))
    })
}

/// Sends requests on one connection until an answer ends it; fails if anything else does.
fn until_told(mut client: Client) -> usize {
    for answered in 1..1_000_000 {
        let reply = client.get("/").unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (200, "hello"));
        match reply.header("connection") {
            None => {}
            Some(end) => {
                assert_eq!((end, client.is_closed()), ("close", true));
                return answered;
            }
        }
    }
    panic!("a connection never grew old");
}

#[test]
fn no_request_fails_while_connections_grow_old() {
    const LIVES: usize = 20;
    let service = short_lived();
    let answered: usize = thread::scope(|scope| {
        let lives = || (0..LIVES).map(|_| until_told(service.client())).sum::<usize>();
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(lives)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let stats = service.server.stats();
    assert_eq!((stats.arrivals, stats.responses.success), (answered as u64, answered as u64));
    service.stop();
}

/// As behind a Service of Kubernetes, each new connection goes to the next server.
#[test]
fn a_new_server_gets_its_share_of_the_connections_there_were() {
    let (old, new) = (short_lived(), short_lived());
    let connections: Vec<Client> = (0..CLIENTS).map(|_| old.client()).collect();
    let (next, moved) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for connection in connections {
            scope.spawn(|| {
                until_told(connection);
                let to_new = next.fetch_add(1, Relaxed) % 2 == 1;
                moved.fetch_add(usize::from(to_new), Relaxed);
                until_told(if to_new { new.client() } else { old.client() });
            });
        }
    });
    assert_eq!(moved.load(Relaxed), CLIENTS / 2);
    assert!(new.server.stats().arrivals >= CLIENTS as u64 / 2);
    old.stop();
    new.stop();
}
