//! Fewer connections on order: their clients learn it from an answer, or while they are idle, and no request fails.

use std::fs;
use std::thread;
use std::time::Duration;

use headroom_workload::Writes;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::frames::{Frames, GOAWAY, HEADERS};
use crate::service::{Service, start, workers};

const RIGHT: &str = "authorization: Bearer secret\r\n";

/// With two workers, and the folder of its token.
fn service() -> (Service, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "secret").unwrap();
    (start(|server| server.workers(workers(2)).writes(Writes::TokenFile(file))), folder)
}

fn put(service: &Service, authorization: &str, body: &str) -> (u16, String) {
    let mut admin = service.admin();
    let length = body.len();
    let text = format!(
        "PUT /connections HTTP/1.1\r\nhost: a\r\n{authorization}content-length: {length}\r\n\r\n{body}"
    );
    admin.send(&text).unwrap();
    let reply = admin.reply().unwrap();
    (reply.status, reply.body)
}

/// Orders so many; what is open and what is ending then.
fn order(service: &Service, at_most: usize) -> (u64, u64) {
    let (status, body) = put(service, RIGHT, &format!(r#"{{"atMost":{at_most}}}"#));
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    (answer["connections"].as_u64().unwrap(), answer["ending"].as_u64().unwrap())
}

/// Connections that have been used.
fn clients(service: &Service, count: usize) -> Vec<Client> {
    let used = |_| {
        let mut client = service.client();
        assert_eq!(client.get("/").unwrap().status, 200);
        client
    };
    (0..count).map(used).collect()
}

#[test]
fn clients_learn_from_answers_until_as_many_are_left_as_were_ordered() {
    let (service, _folder) = service();
    let mut clients = clients(&service, 20);
    assert_eq!(service.server.stats().connections, Some(20));
    assert_eq!(order(&service, 12), (20, 8));
    assert_eq!(order(&service, 12), (20, 8), "an order that is given twice is one order");
    while clients.len() > 12 {
        clients.retain_mut(|client| {
            let reply = client.get("/").unwrap();
            assert_eq!((reply.status, reply.body.as_str()), (200, "hello"));
            let told = reply.header("connection");
            assert!(told.is_none_or(|end| end == "close" && client.is_closed()), "{reply:?}");
            told.is_none()
        });
        thread::sleep(Duration::from_millis(10));
    }
    service.until(|stats| stats.connections == Some(12));
    assert_eq!(order(&service, 12), (12, 0));
    for client in &mut clients {
        assert_eq!(client.get("/").unwrap().header("connection"), None);
    }
    let stats = service.server.stats();
    assert_eq!((stats.arrivals, stats.connections_closed.order), (stats.responses.success, 8));
    service.stop();
}

#[test]
fn an_order_moves_with_its_connection_to_another_worker() {
    let (service, _folder) = service();
    let mut clients = clients(&service, 16);
    assert_eq!(order(&service, 8), (16, 8));
    let one = std::num::NonZeroUsize::MIN;
    service.server.set_workers(one).unwrap();
    while clients.len() > 8 {
        clients.retain_mut(|client| client.get("/").unwrap().header("connection").is_none());
        thread::sleep(Duration::from_millis(10));
    }
    service.until(|stats| stats.connections == Some(8));
    assert_eq!(order(&service, 8), (8, 0));
    service.stop();
}

#[test]
fn idle_connections_end_too_and_never_more_than_half() {
    let (service, _folder) = service();
    let mut clients = clients(&service, 10);
    assert_eq!(order(&service, 1), (10, 5));
    // Their clients send nothing: the server gives them time, and ends them.
    while service.server.stats().connections != Some(5) {
        thread::sleep(Duration::from_millis(100));
    }
    let answers = clients.iter_mut().filter_map(|client| client.get("/").ok());
    assert_eq!(answers.count(), 5);
    service.stop();
}

/// Whether the client of this connection was told that it ends; one that was not goes on.
fn was_told(mut client: Frames) -> bool {
    drop(client.get(3, "/"));
    let mut told = false;
    while let Ok(frame) = client.next() {
        told |= frame.kind == GOAWAY;
        if (frame.kind, frame.stream) == (HEADERS, 3) {
            break;
        }
    }
    told
}

#[test]
fn connections_of_http2_are_told_and_finish_their_streams() {
    let (service, _folder) = service();
    let connect = || Frames::connect(service.server.addresses().listening, &[]).unwrap();
    let mut clients = [connect(), connect()];
    for client in &mut clients {
        client.get(1, "/held").unwrap();
    }
    service.until(|stats| stats.in_flight == 2);
    assert_eq!(order(&service, 1), (2, 1));
    service.release(2);
    while service.server.stats().connections != Some(1) {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(service.server.stats().responses.success, 2);
    assert_eq!(clients.map(was_told).into_iter().filter(|told| *told).count(), 1);
    service.stop();
}

#[rstest]
#[case::no_token("", r#"{"atMost":1}"#, 401, "Authorization: Bearer TOKEN")]
#[case::none(RIGHT, r#"{"atMost":0}"#, 400, "N from 1 on")]
#[case::unknown(RIGHT, r#"{"atMost":1,"now":true}"#, 400, "unknown field `now`")]
#[case::no_json(RIGHT, "1", 400, "the body must be {\"atMost\": N}")]
fn an_order_needs_the_token_and_a_sensible_body(
    #[case] authorization: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] answer: &str,
) {
    let (service, _folder) = service();
    let (got, text) = put(&service, authorization, body);
    let text = serde_json::from_str::<Value>(&text).map_or(text, |value| value["error"].to_string());
    assert!(got == status && text.replace('\\', "").contains(answer), "{got} {text}");
    service.stop();
}
