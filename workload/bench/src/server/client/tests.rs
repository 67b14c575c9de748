//! The client against servers that follow a script.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::*;
use crate::server::case::Protocol;

/// Some address of the loopback network.
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 7, 0, 9));
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Gives every connection to `script`, which sees its number, from 0. It ends with the test.
fn serve(script: fn(usize, TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            thread::spawn(move || script(number, stream));
        }
    });
    address
}

/// Answers that many requests, each of which comes in one piece, and closes.
fn answer(mut stream: TcpStream, times: usize) {
    let mut request = [0; 4096];
    for _ in 0..times {
        if stream.read(&mut request).unwrap_or(0) == 0 {
            return;
        }
        stream.write_all(ANSWER).unwrap();
    }
}

fn target(address: SocketAddr, protocol: Protocol) -> Target {
    Target { route: Route::to(address), request: request(protocol), one_request: protocol.one_request() }
}

#[test]
fn connections_are_kept_and_each_run_counts_its_own_requests() {
    let address = serve(|number, stream| answer(stream, if number < 3 { usize::MAX } else { 0 }));
    let mut client = Client::<Plain>::open(target(address, Protocol::H1), 3, ()).unwrap();
    let first = client.run(Duration::from_millis(20)).unwrap();
    let second = client.run(Duration::from_millis(1)).unwrap();
    assert!(first.requests >= 3 && second.requests >= 3);
    assert_eq!(first.latency.len(), first.requests);
    assert_eq!((first.reopened, second.reopened), (0, 0));
}

#[test]
fn connections_come_from_the_address_that_was_told() {
    let address = serve(|_, stream| {
        let from = stream.peer_addr().unwrap().ip();
        answer(stream, usize::from(from == SOURCE));
    });
    let target = Target { route: Route { from: Some(SOURCE), to: address }, ..target(address, Protocol::H1) };
    let client = Client::<Plain>::open(target, 3, ());
    assert!(client.is_ok());
}

#[test]
fn a_server_may_close_between_two_answers() {
    let address = serve(|_, stream| answer(stream, 5));
    let mut client = Client::<Plain>::open(target(address, Protocol::H1), 2, ()).unwrap();
    let sample = client.run(Duration::from_millis(50)).unwrap();
    assert!(sample.reopened > 0 && sample.requests > sample.reopened, "{sample:?}");
}

#[test]
fn with_one_request_a_connection_every_answer_has_its_own() {
    let address = serve(|_, stream| answer(stream, 1));
    let mut client = Client::<Plain>::open(target(address, Protocol::H1Close), 4, ()).unwrap();
    let sample = client.run(Duration::from_millis(20)).unwrap();
    assert!(sample.requests >= 4, "{sample:?}");
    assert_eq!(sample.reopened, 0);
}

#[rstest::rstest]
#[case::closed_at_once(|_, stream| drop(stream), "without an answer")]
#[case::cut_off(|_, stream| cut(stream), "within an answer")]
#[case::refused(|_, stream| refuse(stream), "503")]
fn what_is_no_answer_ends_it(#[case] script: fn(usize, TcpStream), #[case] expected: &str) {
    let Err(error) = Client::<Plain>::open(target(serve(script), Protocol::H1), 1, ()) else {
        panic!("it was taken for an answer")
    };
    assert!(format!("{error:#}").contains(expected), "{error:#}");
}

fn cut(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(&ANSWER[..ANSWER.len() - 1]);
}

fn refuse(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn a_server_has_to_answer_with_what_all_answer() {
    let address = serve(|_, stream| answer(stream, 1));
    probe(address, &request(Protocol::H1), "ok").unwrap();
    assert!(probe(address, &request(Protocol::H1), "something else").is_err());
}
