//! Deadlines, classes and limits of single clients.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::HeaderName;
use headroom_workload::{
    Admission, ClientKey, ClientLimits, Cost, CostDistribution, Overload, Server, Settings, sample_service,
};
use rstest::rstest;

use crate::client::{Client, Reply};
use crate::service::{one_slot, start};

const LONG: Duration = Duration::from_secs(20);

fn ask(client: &mut Client, path: &str, headers: &str) -> Reply {
    client.send(&format!("GET {path} HTTP/1.1\r\nhost: a\r\n{headers}\r\n")).unwrap();
    client.reply().unwrap()
}

/// One slot, a queue, and clients told apart by a header.
fn limited_clients(server: Server, rate: u32, burst: u32) -> Server {
    let clients = ClientLimits {
        key: ClientKey::Header(HeaderName::from_static("x-client")),
        rate: NonZeroU32::new(rate).unwrap(),
        burst: NonZeroU32::new(burst).unwrap(),
        trusted_proxies: Vec::new(),
    };
    server.overload(Overload { clients: Some(clients), ..Overload::default() })
}

#[rstest]
#[case::absolute("x-timeout-at: 2001-01-01T00:00:00Z\r\n")]
#[case::seconds("x-timeout-at: 978307200.5\r\n")]
#[case::relative("grpc-timeout: 0m\r\n")]
fn a_deadline_that_has_passed_is_not_served(#[case] header: &str) {
    let service = start(|server| server);
    let mut client = service.client();
    let late = ask(&mut client, "/", header);
    assert_eq!((late.status, late.body.as_str()), (504, "the deadline has passed\n"));
    assert_eq!(ask(&mut client, "/", "").status, 200);
    let stats = service.server.stats();
    assert_eq!((stats.arrivals, stats.admitted, stats.rejected.deadline_expired), (2, 1, 1));
    service.stop();
}

#[test]
fn a_deadline_that_passes_while_it_waits_gives_up_the_place() {
    let service = start(|server| one_slot(server, 10, LONG));
    let running = service.hold(service.client());
    assert_eq!(ask(&mut service.client(), "/", "grpc-timeout: 20m\r\n").status, 504);
    let stats = service.server.stats();
    assert_eq!((stats.queued, stats.rejected.deadline_expired, stats.responses.server_error), (0, 1, 0));
    service.release(1);
    assert_eq!(running.join().unwrap().status, 200);
    service.stop();
}

#[test]
fn a_deadline_that_passes_in_the_handler_frees_the_slot() {
    let service = start(|server| one_slot(server, 10, LONG));
    assert_eq!(ask(&mut service.client(), "/held", "grpc-timeout: 20m\r\n").status, 504);
    assert_eq!(service.get("/").status, 200);
    let stats = service.server.stats();
    assert_eq!((stats.admitted, stats.rejected.deadline_expired, stats.responses.server_error), (2, 0, 1));
    service.stop();
}

#[test]
fn a_deadline_that_passes_in_another_worker_frees_its_slot() {
    let service = start(|server| one_slot(server.workers(crate::service::workers(2)), 10, LONG));
    let held = service.hold(service.client());
    // Whichever worker reads it, one of the two runs it, and then there is room for another.
    for _ in 0..4 {
        assert_eq!(ask(&mut service.client(), "/held", "grpc-timeout: 20m\r\n").status, 504);
    }
    service.until(|stats| stats.in_flight == 1);
    service.release(1);
    assert_eq!(held.join().unwrap().status, 200);
    service.stop();
}

#[test]
fn a_deadline_that_is_kept_changes_nothing() {
    let service = start(|server| server);
    let reply = ask(&mut service.client(), "/", "grpc-timeout: 1H\r\nx-timeout-at: 2999-01-01T00:00:00Z\r\n");
    assert_eq!(reply.status, 200);
    service.stop();
}

#[test]
fn a_full_queue_makes_room_for_the_more_important() {
    let service = start(|server| one_slot(server, 1, LONG));
    let running = service.hold(service.client());
    let mut bulk = service.client();
    bulk.send("GET / HTTP/1.1\r\nhost: a\r\nx-priority: bulk\r\n\r\n").unwrap();
    service.until(|stats| stats.queued == 1);
    let mut critical = service.client();
    critical.send("GET / HTTP/1.1\r\nhost: a\r\nx-priority: critical\r\n\r\n").unwrap();
    let refused = bulk.reply().unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(ask(&mut service.client(), "/", "").status, 503);
    service.release(1);
    assert_eq!((running.join().unwrap().status, critical.reply().unwrap().status), (200, 200));
    let rejected = service.server.stats().rejected;
    assert_eq!((rejected.priority, rejected.queue_full), (1, 1));
    service.stop();
}

#[test]
fn a_client_over_its_rate_is_told_so_and_others_are_served() {
    let service = start(|server| limited_clients(server, 1, 3));
    let mut client = service.client();
    let statuses = [(); 3].map(|()| ask(&mut client, "/", "x-client: flood\r\n").status);
    assert_eq!(statuses, [200; 3]);
    // A new token comes each second: one of many requests finds none.
    let mut flood = std::iter::repeat_with(|| ask(&mut client, "/", "x-client: flood\r\n"));
    let refused = flood.find(|reply| reply.status != 200).unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(ask(&mut client, "/", "x-client: other\r\n").status, 200);
    let stats = service.server.stats();
    assert!(stats.rejected.client_limit >= 1, "{stats:?}");
    assert_eq!(stats.arrivals, stats.admitted + stats.rejected.total());
    assert!(stats.limited_clients > Some(0), "{stats:?}");
    service.stop();
}

#[test]
fn requests_without_a_name_share_the_limit_of_their_address() {
    let service = start(|server| limited_clients(server, 1, 1));
    let mut statuses = std::iter::repeat_with(|| ask(&mut service.client(), "/", "").status);
    assert_eq!(statuses.find(|status| *status != 200), Some(429));
    service.stop();
}

#[test]
fn without_admission_everything_runs_at_once() {
    let service = start(|server| {
        let overload = Overload { admission: Admission::Off, ..Overload::default() };
        one_slot(server, 0, Duration::ZERO).overload(overload)
    });
    let held = [(); 3].map(|()| service.hold(service.client()));
    assert_eq!((service.server.stats().in_flight, service.server.stats().concurrency_limit), (3, None));
    service.release(3);
    assert!(held.into_iter().all(|held| held.join().unwrap().status == 200));
    service.stop();
}

#[test]
fn handlers_that_do_next_to_nothing_have_no_limit() {
    let service = start(|server| server);
    let mut client = service.client();
    for _ in 0..200 {
        assert_eq!(client.get("/").unwrap().status, 200);
    }
    assert_eq!(service.server.stats().adaptive_limit, None);
    service.stop();
}

#[test]
fn handlers_that_compute_run_one_at_a_time() {
    let cost = Cost {
        cpu: Duration::from_millis(12),
        wait: Duration::ZERO,
        wait_slots: None,
        distribution: CostDistribution::Fixed,
        answer_bytes: 1,
    };
    let any_port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let settings = Settings { listen: any_port, admin: any_port, ..Settings::default() };
    let server = Server::builder(sample_service(cost)).settings(settings);
    let server = server.workers(crate::service::workers(1)).start().unwrap();
    let mut client = Client::connect(server.addresses().listening).unwrap();
    while server.stats().adaptive_limit != Some(1) {
        assert_eq!(client.get("/").unwrap().status, 200);
    }
    server.drain();
    server.join().unwrap();
}
