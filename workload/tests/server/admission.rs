//! Slots, the queue and what is turned away.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use headroom_workload::Objective;
use headroom_workload::stats::Stats;

use crate::client::Client;
use crate::service::{one_slot, start, workers};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_full_queue_answers_503_with_retry_after() {
    let service = start(|server| one_slot(server, 1, LONG));
    let running = service.hold(service.client());
    let waiting = service.hold(service.client());
    let refused = service.get("/");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    service.release(2);
    assert_eq!((running.join().unwrap().status, waiting.join().unwrap().status), (200, 200));
    assert_eq!(service.server.stats().rejected.queue_full, 1);
    service.stop();
}

#[test]
fn a_refused_request_with_a_long_body_ends_its_connection() {
    let service = start(|server| one_slot(server, 0, LONG));
    let running = service.hold(service.client());
    let mut client = service.client();
    // A short one is read first, so that another request can follow.
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nshort").unwrap();
    let refused = client.reply().unwrap();
    assert_eq!((refused.status, refused.header("connection")), (503, None));
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\n").unwrap();
    let refused = client.reply().unwrap();
    assert_eq!((refused.status, refused.header("connection")), (503, Some("close")));
    service.release(1);
    assert_eq!(running.join().unwrap().status, 200);
    service.stop();
}

#[test]
fn what_waits_longer_than_the_bound_is_refused_while_the_slot_is_still_taken() {
    let service = start(|server| one_slot(server, 10, Duration::from_millis(20)));
    let running = service.hold(service.client());
    assert_eq!(service.get("/").status, 503);
    service.release(1);
    assert_eq!(running.join().unwrap().status, 200);
    assert_eq!(service.server.stats().rejected.delay_bound, 1);
    service.stop();
}

#[test]
fn a_request_runs_in_another_worker_when_its_own_is_full() {
    let service = start(|server| one_slot(server.workers(workers(2)), 10, LONG));
    // Connections are dealt out in turn: the first and the third belong to the same worker.
    let [mut first, mut second, mut third] = [service.client(), service.client(), service.client()];
    for client in [&mut first, &mut second, &mut third] {
        assert_eq!(client.get("/").unwrap().status, 200);
    }
    let held = [service.hold(first), service.hold(third)];
    assert_eq!(service.server.stats().in_flight, 2);
    service.release(2);
    assert!(held.into_iter().all(|held| held.join().unwrap().body == "released"));
    service.stop();
}

#[test]
fn a_client_that_leaves_the_queue_is_counted_once() {
    let service = start(|server| one_slot(server, 10, LONG));
    let running = service.hold(service.client());
    let mut leaving = service.client();
    leaving.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    service.until(|stats| stats.queued == 1);
    drop(leaving);
    service.until(|stats| stats.queued == 0 && stats.rejected.deadline_expired == 1);
    service.release(1);
    assert_eq!(running.join().unwrap().status, 200);
    assert_adds_up(&service.server.stats());
    service.stop();
}

#[test]
fn a_client_that_leaves_a_handler_frees_its_slot() {
    let service = start(|server| one_slot(server, 10, LONG));
    let mut leaving = service.client();
    leaving.send("GET /held HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    service.until(|stats| stats.in_flight == 1);
    drop(leaving);
    assert_eq!(service.get("/").status, 200);
    service.stop();
}

#[test]
fn a_panicking_handler_is_a_500_and_frees_its_slot() {
    let service = start(|server| one_slot(server, 10, LONG));
    let mut client = service.client();
    assert_eq!(client.get("/panic").unwrap().status, 500);
    assert_eq!(client.get("/").unwrap().status, 200);
    assert_eq!(service.server.stats().responses.server_error, 1);
    service.stop();
}

#[test]
fn every_snapshot_adds_up_under_load() {
    let objective = Objective { name: "p99".to_owned(), threshold: LONG };
    let service = start(|server| {
        one_slot(server.workers(workers(2)), 2, Duration::from_millis(1)).objectives(vec![objective])
    });
    let (address, ended) = (service.server.addresses().listening, AtomicBool::new(false));
    let (good, refused) = thread::scope(|scope| {
        let load = || {
            let mut client = Client::connect(address).unwrap();
            let mut statuses = [0, 0];
            while !ended.load(Relaxed) {
                statuses[usize::from(client.get("/").unwrap().status != 200)] += 1;
            }
            statuses
        };
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
        let mut admin = service.admin();
        for _ in 0..200 {
            assert_adds_up(&serde_json::from_str(&admin.get("/stats").unwrap().body).unwrap());
        }
        ended.store(true, Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).fold((0, 0), |a, b| (a.0 + b[0], a.1 + b[1]))
    });
    // The last answers are recorded a moment after their clients have them.
    service.until(|stats| stats.latency.count() == good && stats.objectives[0].good == good);
    let stats = service.server.stats();
    assert_eq!((stats.responses.success, stats.rejected.total()), (good, refused));
    service.stop();
}

fn assert_adds_up(stats: &Stats) {
    let responses = &stats.responses;
    let answered =
        responses.success + responses.redirection + responses.client_error + responses.server_error;
    assert_eq!(stats.arrivals, stats.admitted + stats.rejected.total() + stats.queued);
    assert!(answered + stats.in_flight <= stats.admitted, "more answers than requests");
}
