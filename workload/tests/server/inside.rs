//! Looks inside a running server: CPU profile and heap.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::client::{Client, Reply};
use crate::process::Process;
use crate::service::start;

/// The program, kept busy while `look` lasts.
fn busy(look: impl FnOnce(&mut Client) -> Reply) -> Reply {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom-workload"));
    let process = Process::start(command.args(["--cpu", "2ms", "--workers", "1"]));
    let ended = std::sync::atomic::AtomicBool::new(false);
    let reply = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = Client::connect(process.listening).unwrap();
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(client.get("/").unwrap().status, 200);
            }
        });
        let reply = look(&mut Client::connect(process.admin).unwrap());
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        reply
    });
    process.terminate();
    assert_eq!(process.wait(), Some(0));
    reply
}

/// Fields of a message of protocol buffers: number and content, of which a plain number has none.
fn fields(mut message: &[u8]) -> Vec<(u64, u64, &[u8])> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = varint(&mut message);
        let length = match tag & 7 {
            0 => 0,
            2 => usize::try_from(value).unwrap(),
            other => panic!("wire type {other}"),
        };
        let (content, rest) = message.split_at(length);
        fields.push((tag >> 3, value, content));
        message = rest;
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (number, rest) = bytes.split_at(length);
    *bytes = rest;
    number.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

#[test]
fn a_profile_names_the_function_that_burns() {
    let reply = busy(|admin| admin.get("/debug/pprof/profile?seconds=1").unwrap());
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/octet-stream")));
    let profile = fields(&reply.bytes);
    let strings: Vec<_> =
        profile.iter().filter(|field| field.0 == 6).map(|field| String::from_utf8_lossy(field.2)).collect();
    assert_eq!(strings[0], "");
    // Every number of a location and of a function that is used is explained once.
    let ids = |field: u64| -> Vec<u64> {
        let messages = profile.iter().filter(|(number, ..)| *number == field);
        messages.map(|(.., message)| fields(message)[0].1).collect()
    };
    let locations = ids(4);
    let explained: BTreeSet<_> = locations.iter().copied().collect();
    assert_eq!(explained.len(), locations.len());
    let mut samples = 0;
    for (.., sample) in profile.iter().filter(|field| field.0 == 2) {
        let sample = fields(sample);
        assert!(sample.iter().filter(|field| field.0 == 1).all(|field| explained.contains(&field.1)));
        samples += sample.iter().find(|field| field.0 == 2).unwrap().1;
    }
    assert!(samples > 0);
    let names = |wanted: &str| strings.iter().any(|text| text.ends_with(wanted));
    assert!(names("burn") && names("sample.rs") && names("worker-0"));
}

#[test]
fn the_heap_is_told_as_json() {
    let reply = busy(|admin| admin.get("/debug/heap").unwrap());
    let heap: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, &heap["allocator"]), (200, &Value::from("mimalloc")));
    assert!(heap["residentBytes"].as_u64() > Some(100_000), "{heap}");
    assert!(heap["statistics"].is_object(), "{heap}");
}

/// A handler that keeps its worker from everything else.
#[test]
fn a_worker_that_reads_no_sockets_is_seen() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom-workload"));
    let process = Process::start(command.args(["--cpu", "60ms", "--workers", "1"]));
    let mut admin = Client::connect(process.admin).unwrap();
    let mut client = Client::connect(process.listening).unwrap();
    let mut stalls = || {
        let text = admin.get("/metrics").unwrap().body;
        let prefix = "headroom_workload_stalls_total{worker=\"0\"} ";
        text.lines()
            .find_map(|line| line.strip_prefix(prefix))
            .map_or(0, |count| count.parse::<u64>().unwrap())
    };
    while stalls() == 0 {
        assert_eq!(client.get("/").unwrap().status, 200);
    }
    process.terminate();
    assert_eq!(process.wait(), Some(0));
}

#[test]
fn a_profile_has_bounds() {
    let service = start(|server| server);
    for seconds in ["0", "61", "x"] {
        let reply = service.admin().get(&format!("/debug/pprof/profile?seconds={seconds}")).unwrap();
        assert_eq!(reply.status, 400, "{}", reply.body);
    }
    service.stop();
}
