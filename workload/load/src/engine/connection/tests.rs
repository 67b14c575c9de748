//! One connection against a peer that does one thing.

use super::*;
use mio::{Events, Poll};
use rstest::rstest;
use std::net::TcpListener;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

struct Client {
    poll: Poll,
    connection: Connection,
}

impl Client {
    fn open(address: SocketAddr) -> Self {
        let poll = Poll::new().unwrap();
        let connection = Connection::open(poll.registry(), Token(0), address, 0, false, 7).unwrap();
        Self { poll, connection }
    }

    /// Waits for an event and does what the loop would do, until that ends something.
    fn until_something_ends(&mut self) -> Step {
        let mut events = Events::with_capacity(8);
        loop {
            self.poll.poll(&mut events, None).unwrap();
            for event in &events {
                let step = match self.connection.doing {
                    Doing::Connecting(request) => self.connection.connected(request, REQUEST),
                    _ => self.connection.read(&mut [0; 4096], event.is_read_closed(), REQUEST.len()),
                };
                if !matches!(step, Step::Continues | Step::Sent) {
                    return step;
                }
            }
        }
    }
}

/// What the request leads to when the peer answers with `text` and closes the connection.
fn answered_with(text: &[u8]) -> Step {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::open(listener.local_addr().unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    let reader = std::thread::scope(|scope| {
        let asked = scope.spawn(|| client.until_something_ends());
        peer.read_exact(&mut [0; REQUEST.len()]).unwrap();
        peer.write_all(text).unwrap();
        drop(peer);
        asked.join().unwrap()
    });
    assert_eq!(client.connection.request(), Some(7));
    reader
}

#[rstest]
#[case::nothing(b"", Step::Failed(Failure::Reset))]
#[case::a_part(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", Step::Failed(Failure::Truncated))]
#[case::garbage(b"hello\r\n", Step::Failed(Failure::Malformed))]
#[case::until_the_end(b"HTTP/1.1 200 OK\r\n\r\nok", Step::Answered(Answer { status: 200, reusable: false }))]
fn what_the_peer_sends_before_it_closes_decides(#[case] text: &[u8], #[case] expected: Step) {
    assert_eq!(answered_with(text), expected);
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(Client::open(address).until_something_ends(), Step::Failed(Failure::Refused));
}

#[test]
fn a_peer_that_closes_an_idle_connection_is_noticed_and_no_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::open(listener.local_addr().unwrap());
    let (peer, _) = listener.accept().unwrap();
    client.connection.doing = Doing::Nothing;
    drop(peer);
    assert_eq!(client.until_something_ends(), Step::IdleClosed);
    assert_eq!(client.connection.request(), None);
}
