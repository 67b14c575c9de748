//! Floods of HTTP/2. Those that the protocol does not allow must end their connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use rstest::rstest;

use super::scene::{Scene, Target};
use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, head,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Sends a beginning and then parts, numbered from 0, again and again, on a new connection whenever the server has
/// closed one. Everything the server sends is read. Returns how many it has closed.
fn flood(target: &Target, begin: &[u8], part: impl Fn(u32) -> Vec<u8>) -> usize {
    let mut closed = 0;
    while target.goes_on() {
        let mut socket = TcpStream::connect(target.address).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut answers = socket.try_clone().unwrap();
        answers.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let reader =
            thread::spawn(move || while answers.read(&mut [0; 16 * 1024]).is_ok_and(|read| read > 0) {});
        let mut alive = socket.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), begin].concat()).is_ok();
        for number in 0.. {
            alive = alive && socket.write_all(&part(number)).is_ok();
            // A stream's number has 31 bits.
            if !alive || !target.goes_on() || number > 1 << 29 {
                break;
            }
        }
        closed += usize::from(!alive);
        drop(socket.shutdown(std::net::Shutdown::Both));
        reader.join().unwrap();
    }
    closed
}

fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/"))
}

/// A stream that is opened and given up at once.
fn rapid_reset(number: u32) -> Vec<u8> {
    let stream = 2 * number + 1;
    [get(stream), frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())].concat()
}

/// A stream that the server has to reset: its window is opened by nothing.
fn made_you_reset(number: u32) -> Vec<u8> {
    let stream = 2 * number + 1;
    [get(stream), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
}

/// A head that does not end.
fn continuation(number: u32) -> Vec<u8> {
    match number {
        0 => frame(HEADERS, 0, 1, &head("GET", "/")),
        _ => frame(CONTINUATION, 0, 1, &[&[0, 1, b'x', 100][..], &[b'y'; 100]].concat()),
    }
}

/// A large field that is remembered once and repeated by its number.
fn hpack_bomb(number: u32) -> Vec<u8> {
    let name_and_value = [&[0x40, 1, b'x', 127, 0xa1, 0x1e][..], &[b'y'; 4000]].concat();
    let block = [head("GET", "/"), name_and_value, vec![0xbe; 12_000]].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &block)
}

#[rstest]
#[case::rapid_reset(rapid_reset)]
#[case::made_you_reset(made_you_reset)]
#[case::continuation(continuation)]
fn floods_that_end_their_connection(#[case] part: fn(u32) -> Vec<u8>) {
    let closed = AtomicUsize::new(0);
    Scene::plain().attack(|target| {
        closed.fetch_add(flood(target, &[], part), Relaxed);
    });
    assert!(closed.load(Relaxed) > 0, "no connection was closed");
}

#[rstest]
#[case::pings(frame(PING, 0, 0, &[0; 8]))]
#[case::settings(frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 16, 0]))]
#[case::empty_settings(frame(SETTINGS, 0, 0, &[]))]
#[case::priorities(frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 1]))]
#[case::window_updates(frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]))]
#[case::unknown_frames(frame(0xee, 0, 0, &[0; 100]))]
fn floods_of_frames_that_carry_nothing(#[case] frame: Vec<u8>) {
    let many = frame.repeat(64 * 1024 / frame.len());
    Scene::plain().attack(|target| {
        flood(target, &[], |_| many.clone());
    });
}

#[rstest]
#[case::empty(&[])]
#[case::single_bytes(b"x")]
fn floods_of_small_data(#[case] data: &[u8]) {
    let begin = frame(HEADERS, END_HEADERS, 1, &head("POST", "/"));
    let many = frame(DATA, 0, 1, data).repeat(1000);
    Scene::plain().attack(|target| {
        flood(target, &begin, |_| many.clone());
    });
}

#[test]
fn hpack_bombs() {
    Scene::plain().attack(|target| {
        flood(target, &[], hpack_bomb);
    });
}

/// Streams whose answers find no room.
#[test]
fn streams_without_a_window() {
    let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let streams: Vec<u8> = (0..100).flat_map(|number| get(2 * number + 1)).collect();
    Scene::plain().attack(|target| {
        let begin = [PREFACE, &no_window, &streams].concat();
        let connect = |_| {
            let mut socket = TcpStream::connect(target.address).unwrap();
            socket.write_all(&begin).unwrap();
            socket
        };
        let _sockets: Vec<_> = (0..30).map(connect).collect();
        while target.goes_on() {
            thread::sleep(Duration::from_millis(50));
        }
    });
}
