//! Bodies that trickle.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use headroom_workload::Limits;
use rstest::rstest;

use crate::client::Client;
use crate::frames::{DATA, END_HEADERS, Frames, HEADERS, head};
use crate::service::{Service, limited, start};

/// Time enough between two parts, and in all, were it not for the rate.
fn trickled(rate: u32) -> Service {
    start(|server| {
        limited(server, |limits: &mut Limits| {
            limits.request_timeout = Duration::from_mins(1);
            (limits.body_grace, limits.body_rate) = (Duration::from_millis(50), rate);
        })
    })
}

/// Sends a part again and again, so often or until the server does not take it any more.
fn trickle(client: &Client, part: &'static [u8], times: usize) -> JoinHandle<()> {
    let mut stream: TcpStream = client.stream().try_clone().unwrap();
    thread::spawn(move || {
        for _ in 0..times {
            thread::sleep(Duration::from_millis(2));
            if stream.write_all(part).is_err() {
                break;
            }
        }
    })
}

#[rstest]
#[case::short("content-length: 10000\r\n", b"x")]
#[case::long("content-length: 1000000\r\n", b"x")]
#[case::chunked("transfer-encoding: chunked\r\n", b"1\r\nx\r\n")]
fn a_body_that_trickles_is_answered_408(#[case] framing: &str, #[case] part: &'static [u8]) {
    let service = trickled(u32::MAX);
    let mut client = service.client();
    client.send(&format!("POST / HTTP/1.1\r\nhost: a\r\n{framing}\r\n")).unwrap();
    let trickling = trickle(&client, part, usize::MAX);
    let reply = client.reply().unwrap();
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
    trickling.join().unwrap();
    service.until(|stats| stats.connections_closed.slow_body == 1 && stats.in_flight == 0);
    service.stop();
}

#[rstest]
#[case::without_a_rate(0)]
#[case::fast_enough(1)]
fn a_body_that_is_fast_enough_is_not_cut(#[case] rate: u32) {
    let service = trickled(rate);
    let mut client = service.client();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n0123456789").unwrap();
    trickle(&client, b"x", 90).join().unwrap();
    assert_eq!(client.reply().unwrap().body, "100");
    service.stop();
}

#[test]
fn a_body_that_trickles_behind_a_begun_answer_ends_the_connection() {
    let service = trickled(u32::MAX);
    let mut client = service.client();
    client.send("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").unwrap();
    let trickling = trickle(&client, b"1\r\nx\r\n", usize::MAX);
    assert_eq!(client.reply().unwrap().status, 200);
    let mut stream = client.into_stream();
    while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
    trickling.join().unwrap();
    service.until(|stats| stats.connections_closed.slow_body == 1 && stats.in_flight == 0);
    service.stop();
}

#[test]
fn a_stream_whose_answer_has_begun_may_be_a_slow_conversation() {
    let service = trickled(u32::MAX);
    let mut client = Frames::connect(service.server.addresses().listening, &[]).unwrap();
    client.send(HEADERS, END_HEADERS, 1, &head("POST", "/echo")).unwrap();
    client.send(DATA, 0, 1, b"one").unwrap();
    assert_eq!(client.until(DATA).unwrap().payload, b"one");
    // Of the same limits, and later: by the time this one is cut, the first would have been.
    client.send(HEADERS, END_HEADERS, 3, &head("POST", "/")).unwrap();
    service.until(|stats| stats.streams_closed.slow_body == 1);
    client.send(DATA, 0, 1, b"two").unwrap();
    while client.until(DATA).unwrap().payload != b"two" {}
    drop(client);
    service.stop();
}
