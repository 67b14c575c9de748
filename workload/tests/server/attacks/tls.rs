//! Clients that begin with TLS and do not go on.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rstest::rstest;

use super::scene::Scene;

/// The first bytes of a handshake of 512 bytes.
const HELLO: [u8; 11] = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];

#[rstest]
#[case::silence(&HELLO, &[])]
#[case::single_bytes(&HELLO, &[0])]
#[case::records_of_a_byte(&[], &[22, 3, 1, 0, 1, 1])]
fn handshakes_that_do_not_end(#[case] begin: &[u8], #[case] then: &[u8]) {
    Scene::tls().attack(|target| {
        let connect = |_| {
            let mut socket = TcpStream::connect(target.address).unwrap();
            socket.write_all(begin).unwrap();
            socket
        };
        let mut sockets: Vec<_> = (0..500).map(connect).collect();
        while target.goes_on() {
            for socket in &mut sockets {
                let _refused = socket.write(then);
            }
            thread::sleep(Duration::from_millis(50));
        }
    });
}

#[test]
fn plain_text() {
    let stats = Scene::tls().attack(|target| {
        while target.goes_on() {
            let mut socket = TcpStream::connect(target.address).unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        }
    });
    assert!(stats.tls.unwrap().handshakes_failed > 0);
}
