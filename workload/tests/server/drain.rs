//! Stopping: nothing that was accepted fails, unless the time is up.

use std::num::NonZeroUsize;
use std::process::Command;
use std::time::Duration;

use headroom_workload::{Drain, Drained};

use crate::client::Client;
use crate::process::Process;
use crate::service::{one_slot, start};

const EIGHT: NonZeroUsize = NonZeroUsize::new(8).unwrap();

#[test]
fn requests_in_flight_finish_and_their_connections_close() {
    let service = start(|server| server);
    let mut idle = service.client();
    assert_eq!(idle.get("/").unwrap().status, 200);
    let held = service.hold(service.client());
    service.server.drain();
    let readyz = service.admin().get("/readyz").unwrap();
    assert_eq!((readyz.status, readyz.body.as_str()), (503, "draining\n"));
    // The worker that closes an idle connection ends others with their answers.
    assert!(idle.is_closed());
    assert!(Client::connect(service.server.addresses().listening).is_err());
    service.release(1);
    let reply = held.join().unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert_eq!(service.server.join().unwrap(), Drained::Completely);
}

#[test]
fn while_it_waits_a_draining_server_serves_as_before() {
    let wait = Drain { wait: Duration::from_millis(200), ..Drain::default() };
    let service = start(|server| server.drain(wait));
    service.server.drain();
    assert_eq!(service.admin().get("/readyz").unwrap().status, 503);
    let reply = service.get("/");
    assert_eq!((reply.status, reply.header("connection")), (200, None));
    assert_eq!(service.server.join().unwrap(), Drained::Completely);
}

#[test]
fn when_the_time_is_up_the_queue_is_refused_and_the_rest_is_cut() {
    let short = Drain { wait: Duration::ZERO, timeout: Duration::from_millis(100) };
    let service = start(|server| one_slot(server, 10, Duration::from_secs(20)).drain(short));
    let mut running = service.client();
    running.send("GET /held HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    service.until(|stats| stats.in_flight == 1);
    let waiting = service.hold(service.client());
    service.server.drain();
    assert_eq!(waiting.join().unwrap().status, 503);
    assert_eq!(service.server.join().unwrap(), Drained::Cut { connections: 1 });
    assert!(running.is_closed());
}

#[test]
fn the_binary_drains_on_sigterm_and_exits_with_0() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom-workload"));
    let process = Process::start(command.args(["--cpu", "0s", "--wait", "300ms"]));
    let mut client = Client::connect(process.listening).unwrap();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut admin = Client::connect(process.admin).unwrap();
    while !admin.get("/stats").unwrap().body.contains("\"inFlight\":1") {}
    process.terminate();
    assert_eq!(client.reply().unwrap().status, 200);
    assert_eq!(process.wait(), Some(0));
}

#[test]
fn a_worker_that_starts_while_the_server_closes_ends_with_it() {
    for _ in 0..200 {
        let short = Drain { wait: Duration::ZERO, timeout: Duration::from_secs(2) };
        let service = start(|server| server.drain(short));
        std::thread::scope(|scope| {
            scope.spawn(|| drop(service.server.set_workers(EIGHT)));
            service.server.drain();
        });
        service.stop();
    }
}
