//! Slow, silent, greedy and hasty clients of HTTP/1.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use rstest::rstest;

use super::scene::{Scene, Target};

fn connected(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let connect = |_| {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    };
    (0..count).map(connect).collect()
}

/// Begins on many connections, then sends a little on each for as long as the attack lasts.
fn drip(target: &Target, count: usize, begin: &[u8], drop: &[u8]) {
    let mut sockets = connected(target.address, count);
    for socket in &mut sockets {
        socket.write_all(begin).unwrap();
    }
    while target.goes_on() {
        for socket in &mut sockets {
            // Those that the server has closed don't take it.
            let _refused = socket.write(drop);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[rstest]
#[case::heads(b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n")]
#[case::single_bytes(b"G", b"E")]
#[case::bodies(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", b"x")]
#[case::chunks(
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"1;ext=something\r\nx\r\n"
)]
#[case::silence(b"", b"")]
fn slow_clients(#[case] begin: &[u8], #[case] drop: &[u8]) {
    Scene::plain().attack(|target| drip(target, 500, begin, drop));
}

#[test]
fn ten_thousand_half_open_connections() {
    // As many as leave room for the good client below the limit of 10,000.
    Scene::plain().attack(|target| drip(target, 9_000, b"GET / HTTP/1.1\r\n", b""));
}

#[test]
fn answers_that_nobody_reads() {
    let requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    Scene::plain().attack(|target| {
        let mut sockets = connected(target.address, 200);
        while target.goes_on() {
            for socket in &mut sockets {
                let _blocked = socket.write(&requests);
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
}

/// Sends requests one after another, each on its own connection, and reads what comes.
fn repeat(target: &Target, request: &[u8]) {
    while target.goes_on() {
        let mut socket = TcpStream::connect(target.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _cut = socket.write_all(request);
        let _end = socket.read(&mut [0; 1024]);
    }
}

#[rstest]
#[case::head("GET / HTTP/1.1\r\nHost: a\r\nX: ".to_owned() + &"x".repeat(100_000), true)]
#[case::many_headers("GET / HTTP/1.1\r\nHost: a\r\n".to_owned() + &"X: y\r\n".repeat(10_000), true)]
#[case::target("GET /".to_owned() + &"x".repeat(20_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", true)]
#[case::length("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n".to_owned(), true)]
#[case::chunk_extension("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;".to_owned() + &"x".repeat(100_000), false)]
#[case::nonsense("\0".repeat(100_000), true)]
fn greedy_clients(#[case] request: String, #[case] malformed: bool) {
    let stats = Scene::plain().attack(|target| repeat(target, request.as_bytes()));
    assert_eq!(stats.rejected.malformed > 0, malformed, "{:?}", stats.rejected);
}

#[rstest]
#[case::without_a_byte(b"")]
#[case::with_a_request(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")]
fn churn(#[case] request: &[u8]) {
    Scene::plain().attack(|target| {
        while target.goes_on() {
            let mut socket = TcpStream::connect(target.address).unwrap();
            socket.write_all(request).unwrap();
        }
    });
}
