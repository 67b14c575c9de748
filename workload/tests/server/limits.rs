//! What clients may send, and how long they may take.

use std::num::NonZeroU32;
use std::process::Command;
use std::time::Duration;

use headroom_workload::{Drain, Limits};
use rstest::rstest;

use crate::client::Client;
use crate::process::Process;
use crate::service::{Service, limited, one_slot, start, workers};

const SHORT: Duration = Duration::from_millis(100);

fn small() -> Service {
    start(|server| {
        limited(server, |limits| {
            (limits.head_bytes, limits.uri_bytes, limits.body_bytes) = (8192, 1000, 100);
        })
    })
}

#[rstest]
#[case::long_uri(&format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(1000)), 414)]
#[case::long_head(&format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(8192)), 431)]
#[case::many_headers(&format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "a: b\r\n".repeat(101)), 431)]
#[case::no_host("GET / HTTP/1.1\r\n\r\n", 400)]
#[case::two_hosts("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400)]
#[case::no_http("\r\nhello there\r\n\r\n", 400)]
#[case::two_lengths("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", 400)]
#[case::other_coding("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400)]
#[case::large_body("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 101\r\n\r\n", 413)]
fn what_is_against_the_rules_is_answered_and_ends_the_connection(#[case] request: &str, #[case] status: u16) {
    let service = small();
    let mut client = service.client();
    client.send(request).unwrap();
    assert_eq!(client.reply().unwrap().status, status);
    assert!(client.is_closed());
    service.until(|stats| stats.rejected.malformed == 1 && stats.arrivals == 1);
    service.stop();
}

#[rstest]
#[case::fits(100, 200, "100")]
#[case::too_large(101, 413, "Failed to buffer the request body: length limit exceeded")]
fn chunked_bodies_are_limited_while_they_are_read(
    #[case] length: usize,
    #[case] status: u16,
    #[case] body: &str,
) {
    let service = small();
    let mut client = service.client();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    client.send(&format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length))).unwrap();
    let reply = client.reply().unwrap();
    assert_eq!((reply.status, reply.body.as_str()), (status, body));
    service.stop();
}

#[test]
fn a_body_limit_above_that_of_axum_holds() {
    let service = start(|server| limited(server, |limits| limits.body_bytes = 4 << 20));
    let mut client = service.client();
    let body = "x".repeat(3 << 20);
    client
        .send(&format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
        .unwrap();
    assert_eq!(client.reply().unwrap().body, body.len().to_string());
    service.stop();
}

#[test]
fn connections_over_the_limit_are_answered_503() {
    let service = start(|server| limited(server, |limits| limits.connections = 1));
    let mut first = service.client();
    assert_eq!(first.get("/").unwrap().status, 200);
    let mut second = service.client();
    let refused = second.reply().unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(second.is_closed());
    assert_eq!(first.get("/").unwrap().status, 200);
    service.stop();
}

#[test]
fn connections_leave_descriptors_to_the_admin_port() {
    let limited = format!("ulimit -n 100; exec {} \"$@\"", env!("CARGO_BIN_EXE_headroom-workload"));
    let mut command = Command::new("sh");
    // One worker, so that connections are counted in the order in which they are made.
    let process = Process::start(command.args(["-c", &limited, "sh", "--workers", "1"]));
    let mut clients = [(); 51].map(|()| Client::connect(process.listening).unwrap());
    assert_eq!(clients[50].reply().unwrap().status, 503);
    assert_eq!(clients[0].get("/").unwrap().status, 200);
    assert_eq!(Client::connect(process.admin).unwrap().get("/livez").unwrap().status, 200);
    drop(clients);
    process.terminate();
    assert_eq!(process.wait(), Some(0));
}

#[rstest]
#[case::nothing_at_all("", |limits: &mut Limits| limits.head_timeout = SHORT)]
#[case::half_a_head("GET / HTTP/1.1\r\nhost:", |limits: &mut Limits| limits.head_timeout = SHORT)]
fn a_slow_head_ends_the_connection(#[case] sent: &str, #[case] limit: fn(&mut Limits)) {
    let service = start(|server| limited(server, limit));
    let mut client = service.client();
    client.send(sent).unwrap();
    assert!(client.is_closed());
    service.stop();
}

#[test]
fn an_idle_connection_is_closed() {
    let service = start(|server| limited(server, |limits| limits.keep_alive = SHORT));
    let mut client = service.client();
    assert_eq!(client.get("/").unwrap().status, 200);
    assert!(client.is_closed());
    service.stop();
}

#[rstest]
#[case::in_a_part(|limits: &mut Limits| limits.body_idle = SHORT)]
#[case::as_a_whole(|limits: &mut Limits| limits.request_timeout = SHORT)]
fn a_slow_body_is_answered_408(
    #[case] limit: fn(&mut Limits),
    // A short one is read before admission, a long one by the handler.
    #[values((10, 1, 0), (20_000, 0, 1))] (length, malformed, responses): (usize, u64, u64),
) {
    let service = start(|server| limited(server, limit));
    let mut client = service.client();
    client.send(&format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\nabc")).unwrap();
    assert_eq!(client.reply().unwrap().status, 408);
    assert!(client.is_closed());
    let stats = service.server.stats();
    assert_eq!((stats.rejected.malformed, stats.responses.client_error), (malformed, responses));
    assert_eq!((stats.arrivals, stats.in_flight), (1, 0));
    service.stop();
}

#[test]
fn a_slow_upload_holds_no_slot() {
    let service = start(|server| one_slot(server, 0, Duration::ZERO));
    let mut slow = service.client();
    slow.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n").unwrap();
    // Sent when somebody begins to read the body.
    assert_eq!(slow.reply().unwrap().status, 100);
    assert_eq!(service.get("/").status, 200);
    slow.send("0123456789").unwrap();
    assert_eq!(slow.reply().unwrap().body, "10");
    assert_eq!(service.server.stats().arrivals, 2);
    service.stop();
}

#[test]
fn a_body_that_the_handler_does_not_read_is_not_slow() {
    let service = start(|server| {
        limited(server, |limits| (limits.body_idle, limits.request_timeout) = (SHORT, 4 * SHORT))
    });
    let mut client = service.client();
    client.send("GET /held HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\n").unwrap();
    assert_eq!(client.reply().unwrap().status, 504);
    service.stop();
}

#[test]
fn a_slow_handler_is_answered_504() {
    let service = start(|server| limited(server, |limits| limits.request_timeout = SHORT));
    let mut client = service.client();
    assert_eq!(client.get("/held").unwrap().status, 504);
    assert_eq!(client.get("/").unwrap().status, 200);
    let stats = service.server.stats();
    assert_eq!((stats.responses.server_error, stats.in_flight), (1, 0));
    service.stop();
}

#[test]
fn a_client_that_reads_nothing_is_cut() {
    let service = start(|server| {
        limited(server, |limits| {
            (limits.write_stall, limits.connections) = (SHORT, 1);
        })
    });
    let mut client = service.client();
    client.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    // There is room for another connection once this one is gone.
    while service.client().get("/").map(|reply| reply.status).ok() != Some(200) {
        std::thread::yield_now();
    }
    // Two were answered, one of them as a whole.
    service.until(|stats| stats.responses.success == 2 && stats.latency.count() == 1);
    service.stop();
}

#[test]
fn an_old_connection_ends_with_its_next_answer() {
    let service = start(|server| limited(server, |limits| limits.connection_age = Duration::ZERO));
    let mut client = service.client();
    let reply = client.get("/").unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert!(client.is_closed());
    service.stop();
}

#[test]
fn the_largest_values_of_everything_work() {
    let forever = Drain { wait: Duration::ZERO, timeout: Duration::MAX };
    let service = start(|server| {
        let server = server.drain(forever).workers(workers(2));
        limited(server.slots_per_worker(NonZeroU32::MAX), |limits| {
            limits.connection_age = Duration::MAX;
            limits.keep_alive = Duration::MAX;
            limits.head_timeout = Duration::MAX;
            limits.body_idle = Duration::MAX;
            limits.request_timeout = Duration::MAX;
            limits.write_stall = Duration::MAX;
        })
    });
    assert_eq!(service.get("/").status, 200);
    assert_eq!(service.server.stats().concurrency_limit, Some(u32::MAX));
    service.stop();
}
