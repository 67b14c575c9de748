//! The admin port.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use headroom_workload::stats::Stats;
use headroom_workload::{StartError, WritersError, Writes};
use rstest::rstest;

use crate::service::{Service, start};

fn put(service: &Service, authorization: &str, body: &str) -> (u16, String) {
    let mut admin = service.admin();
    let length = body.len();
    let text =
        format!("PUT /runtime HTTP/1.1\r\nhost: a\r\n{authorization}content-length: {length}\r\n\r\n{body}");
    admin.send(&text).unwrap();
    let reply = admin.reply().unwrap();
    (reply.status, reply.body)
}

const RIGHT: &str = "authorization: Bearer secret\r\n";

#[test]
fn probes_are_answered_while_a_write_takes_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret").unwrap();
    let service = start(|server| server.writes(Writes::TokenFile(file.clone())));
    // Reading it waits until somebody writes.
    std::fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut probe = service.admin();
    assert_eq!(probe.get("/livez").unwrap().status, 200);
    std::thread::scope(|scope| {
        let write = scope.spawn(|| put(&service, RIGHT, r#"{"workers":2}"#));
        let mut token = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
        let status = probe.get("/livez").map(|reply| reply.status).ok();
        token.write_all(b"secret").unwrap();
        drop(token);
        assert_eq!((status, write.join().unwrap().0), (Some(200), 200));
    });
    service.stop();
}

#[rstest]
#[case::right(RIGHT, r#"{"workers":2}"#, 200, r#"{"workers":2,"auto":false,"pinning":"auto","pinned":false"#)]
#[case::no_token("", r#"{"workers":2}"#, 401, "Authorization: Bearer TOKEN")]
#[case::wrong_token(
    "authorization: Bearer secre\r\n",
    r#"{"workers":2}"#,
    401,
    "Authorization: Bearer TOKEN"
)]
#[case::other_scheme(
    "authorization: Basic secret\r\n",
    r#"{"workers":2}"#,
    401,
    "Authorization: Bearer TOKEN"
)]
#[case::none(RIGHT, r#"{"workers":0}"#, 400, "workers from 1 to 256")]
#[case::too_many(RIGHT, r#"{"workers":257}"#, 400, "workers from 1 to 256")]
#[case::negative(RIGHT, r#"{"workers":-1}"#, 400, "the body must be")]
#[case::unknown(RIGHT, r#"{"workers":2,"pin":true}"#, 400, "unknown field `pin`")]
#[case::no_json(RIGHT, "workers=2", 400, "the body must be")]
#[case::too_large(RIGHT, &" ".repeat(5000), 413, "too large")]
fn writes_need_the_token_and_a_sensible_body(
    #[case] authorization: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] answer: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret\n").unwrap();
    let service = start(|server| server.writes(Writes::TokenFile(file)));
    let (got, text) = put(&service, authorization, body);
    assert_eq!(got, status, "{text}");
    assert!(text.contains(answer), "{text}");
    assert_eq!(service.server.stats().workers, if status == 200 { 2 } else { 1 });
    service.stop();
}

#[test]
fn what_was_written_is_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret").unwrap();
    let service = start(|server| server.writes(Writes::TokenFile(file)));
    let (status, written) = put(&service, RIGHT, r#"{"workers":1,"pinning":"forced"}"#);
    assert_eq!(service.admin().get("/runtime").unwrap().status, 401);
    let mut admin = service.admin();
    admin.send(&format!("GET /runtime HTTP/1.1\r\nhost: a\r\n{RIGHT}\r\n")).unwrap();
    let read = admin.reply().unwrap().body;
    assert_eq!((status, &written), (200, &read));
    let runtime: serde_json::Value = serde_json::from_str(&read).unwrap();
    assert_eq!((runtime["workers"].as_u64(), runtime["pinned"].as_bool()), (Some(1), Some(true)), "{read}");
    assert!(runtime["cpus"][0].is_u64() && service.server.stats().pinned);
    let (_, off) = put(&service, RIGHT, r#"{"pinning":"off"}"#);
    assert!(off.contains(r#""pinned":false,"cpus":[null],"reason":"not pinned: pinning is off""#), "{off}");
    service.stop();
}

#[test]
fn without_a_token_file_writes_are_off() {
    let service = start(|server| server);
    let (status, text) = put(&service, RIGHT, r#"{"workers":2}"#);
    assert_eq!(status, 403);
    assert!(text.contains("--token-file"), "{text}");
    service.stop();
}

#[test]
fn a_missing_token_file_stops_the_start() {
    let writes = Writes::TokenFile("/nowhere/token".into());
    let server = headroom_workload::Server::builder(axum::Router::new()).writes(writes);
    assert!(matches!(server.start(), Err(StartError::Writers(WritersError::Token(_)))));
}

#[test]
fn idle_connections_do_not_keep_others_out() {
    let service = start(|server| server);
    let mut idle: Vec<_> = (0..200)
        .map(|_| {
            let mut admin = service.admin();
            assert_eq!(admin.get("/livez").unwrap().status, 200);
            admin
        })
        .collect();
    // The newest are still there, the oldest had to go.
    assert_eq!(idle[199].get("/livez").unwrap().status, 200);
    assert!(idle[0].is_closed());
    // Connections that never sent anything make room as well.
    let silent: Vec<_> = (0..200).map(|_| service.admin()).collect();
    assert_eq!(service.admin().get("/livez").unwrap().status, 200);
    drop(silent);
    service.stop();
}

#[test]
fn stats_are_what_the_types_say() {
    let service = start(|server| server.revision("r1"));
    assert_eq!(service.get("/").status, 200);
    let stats: Stats = serde_json::from_str(&service.admin().get("/stats").unwrap().body).unwrap();
    assert_eq!((stats.revision.as_str(), stats.workers, stats.arrivals), ("r1", 1, 1));
    assert_eq!(stats.boot_id, service.server.boot_id());
    service.stop();
}

#[test]
fn retries_are_counted_by_their_header() {
    let service = start(|server| server);
    let mut client = service.client();
    client.send("GET / HTTP/1.1\r\nhost: a\r\nx-retry-attempt: 1\r\n\r\n").unwrap();
    assert_eq!(client.reply().unwrap().status, 200);
    assert_eq!(service.server.stats().retries, 1);
    service.stop();
}

#[test]
fn metrics_name_each_family_once() {
    let service = start(|server| server);
    assert_eq!(service.get("/").status, 200);
    let text = service.admin().get("/metrics").unwrap().body;
    assert!(text.contains("headroom_workload_arrivals_total 1\n"), "{text}");
    assert!(text.contains("headroom_workload_rejected_total{reason=\"queueFull\"} 0\n"), "{text}");
    let mut families: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let count = families.len();
    families.sort_unstable();
    families.dedup();
    assert!(families.len() == count && count > 20, "{count} families");
    service.stop();
}

#[test]
fn a_starting_server_lives_but_is_not_ready() {
    let service = start(|server| server.start_delay(Duration::from_hours(1)));
    let mut admin = service.admin();
    assert_eq!(admin.get("/livez").unwrap().status, 200);
    let readyz = admin.get("/readyz").unwrap();
    assert_eq!((readyz.status, readyz.body.as_str()), (503, "starting\n"));
    service.stop();
}
