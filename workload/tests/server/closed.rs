//! What the server closes is counted by reason.

use std::time::Duration;

use headroom_workload::Limits;
use headroom_workload::stats::{ConnectionsClosed, StreamsClosed};
use rstest::rstest;

use crate::frames::{END_HEADERS, Frames, HEADERS, WINDOW_UPDATE, frame, head};
use crate::service::{Service, limited, start};

const SHORT: Duration = Duration::from_millis(100);

/// Waits until one connection was closed, which is for that reason, and checks that the metrics say the same.
fn closed(service: &Service, reason: &str) {
    service.until(|stats| stats.connections_closed != ConnectionsClosed::default());
    let closed = service.server.stats().connections_closed.by_reason();
    let counted: Vec<_> = closed.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(reason, 1)]);
    let metrics = service.admin().get("/metrics").unwrap().body;
    let line = format!("headroom_workload_connections_closed_total{{reason=\"{reason}\"}} 1\n");
    assert!(metrics.contains(&line), "{metrics}");
}

#[rstest]
#[case::head("GET / HTTP/1.1\r\nhost:", |limits: &mut Limits| limits.head_timeout = SHORT, "slowHead")]
#[case::short_body("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc", |limits: &mut Limits| limits.body_idle = SHORT, "slowBody")]
#[case::long_body("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 90000\r\n\r\nabc", |limits: &mut Limits| limits.body_idle = SHORT, "slowBody")]
#[case::reader("GET /large HTTP/1.1\r\nhost: a\r\n\r\n", |limits: &mut Limits| limits.write_stall = SHORT, "slowReader")]
#[case::idle("GET / HTTP/1.1\r\nhost: a\r\n\r\n", |limits: &mut Limits| limits.keep_alive = SHORT, "idle")]
#[case::age("GET / HTTP/1.1\r\nhost: a\r\n\r\n", |limits: &mut Limits| limits.connection_age = Duration::ZERO, "age")]
#[case::no_host("GET / HTTP/1.1\r\n\r\n", |_: &mut Limits| {}, "malformed")]
#[case::no_http("\r\nhello there\r\n\r\n", |_: &mut Limits| {}, "malformed")]
fn connections_of_http1(#[case] sent: &str, #[case] limit: fn(&mut Limits), #[case] reason: &str) {
    let service = start(|server| limited(server, limit));
    let mut client = service.client();
    client.send(sent).unwrap();
    closed(&service, reason);
    service.stop();
}

#[test]
fn what_a_client_ends_itself_is_not_counted() {
    let service = start(|server| server);
    let mut client = service.client();
    client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    assert_eq!(client.reply().unwrap().status, 200);
    drop(client);
    let mut left = service.client();
    left.send("GET / HTTP/1.1\r\nhost:").unwrap();
    drop(left);
    service.until(|stats| stats.connections == Some(0));
    assert_eq!(service.server.stats().connections_closed, ConnectionsClosed::default());
    service.stop();
}

fn frames(service: &Service) -> Frames {
    Frames::connect(service.server.addresses().listening, &[]).unwrap()
}

#[rstest]
#[case::head(&[0, 0, 1, HEADERS, 1, 0, 0, 0, 1, 0x82], |limits: &mut Limits| limits.head_timeout = SHORT, "slowHead")]
#[case::frame(&[0, 0, 8, 6, 0, 0], |limits: &mut Limits| limits.body_idle = SHORT, "slowFrame")]
#[case::idle(&[], |limits: &mut Limits| limits.keep_alive = SHORT, "idle")]
#[case::age(&[], |limits: &mut Limits| limits.connection_age = SHORT, "age")]
#[case::data_of_no_stream(&[0; 9], |_: &mut Limits| {}, "malformed")]
fn connections_of_http2(#[case] sent: &[u8], #[case] limit: fn(&mut Limits), #[case] reason: &str) {
    let service = start(|server| limited(server, limit));
    let mut client = frames(&service);
    client.raw(sent).unwrap();
    client.ended();
    closed(&service, reason);
    service.stop();
}

#[test]
fn floods() {
    let service = start(|server| server);
    let mut client = frames(&service);
    // More than 8 MiB; some may be lost when the server closes.
    let many = frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes()).repeat(10_000);
    let _cut = (0..100).try_for_each(|_| client.raw(&many));
    closed(&service, "flood");
    service.stop();
}

#[rstest]
#[case::body("POST", "/", |limits: &mut Limits| limits.body_idle = SHORT, "slowBody")]
#[case::reader("GET", "/large", |limits: &mut Limits| limits.write_stall = SHORT, "slowReader")]
fn streams(#[case] method: &str, #[case] path: &str, #[case] limit: fn(&mut Limits), #[case] reason: &str) {
    let service = start(|server| limited(server, limit));
    let mut client = frames(&service);
    client.send(HEADERS, END_HEADERS, 1, &head(method, path)).unwrap();
    service.until(|stats| stats.streams_closed != StreamsClosed::default());
    let stats = service.server.stats();
    let counted: Vec<_> =
        stats.streams_closed.by_reason().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(reason, 1)]);
    assert_eq!(stats.connections_closed, ConnectionsClosed::default());
    drop(client);
    service.stop();
}
