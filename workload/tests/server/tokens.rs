//! Writes to the admin port with tokens of a cluster.

use std::process::Command;
use std::time::SystemTime;

use headroom_workload::{Jwks, Read, ServiceAccount, StartError, WritersError, Writes};
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::Reply;
use crate::issuer::{AUDIENCE, ISSUER, Issuer, SUBJECT, claims};
use crate::service::{Service, start};

const BODY: &str = r#"{"workers":2}"#;

fn service_of(issuer: &Issuer) -> Service {
    start(|server| server.writes(writes(issuer.jwks())).open_reads(vec![Read::Stats]))
}

fn writes(jwks: String) -> Writes {
    let [issuer, audience, subject] = [ISSUER, AUDIENCE, SUBJECT].map(str::to_owned);
    Writes::ServiceAccount(ServiceAccount { jwks: Jwks::Inline(jwks), issuer, audience, subject })
}

fn put(service: &Service, token: &str) -> Reply {
    let mut admin = service.admin();
    let length = BODY.len();
    let head = format!("PUT /runtime HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n");
    admin.send(&format!("{head}content-length: {length}\r\n\r\n{BODY}")).unwrap();
    admin.reply().unwrap()
}

fn valid_now() -> Value {
    claims(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs())
}

#[test]
fn the_controllers_token_writes() {
    let issuer = Issuer::new("k", "ES256");
    let service = service_of(&issuer);
    let reply = put(&service, &issuer.token(&valid_now()));
    assert_eq!((reply.status, service.server.stats().workers), (200, 2), "{}", reply.body);
    service.stop();
}

#[rstest]
#[case::of_another_service("aud", json!(["shop/carts"]), "audience (aud) is not shop/orders")]
#[case::of_another_account("sub", json!("system:serviceaccount:shop:default"), "subject (sub) is not system:")]
#[case::of_another_cluster("iss", json!("https://elsewhere"), "issuer (iss) is not https://kubernetes")]
#[case::of_yesterday("exp", json!(1_700_000_000), "has expired (exp)")]
fn other_tokens_are_refused_with_the_check_they_failed(
    #[case] name: &str,
    #[case] value: Value,
    #[case] expected: &str,
) {
    let issuer = Issuer::new("k", "ES256");
    let service = service_of(&issuer);
    let mut claims = valid_now();
    claims[name] = value;
    let token = issuer.token(&claims);
    let reply = put(&service, &token);
    assert_eq!((reply.status, service.server.stats().workers), (401, 1));
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
    assert!(reply.body.contains(expected) && !reply.body.contains(&token), "{}", reply.body);
    service.stop();
}

#[rstest]
#[case::open("/stats", 200)]
#[case::not_open("/metrics", 401)]
#[case::runtime("/runtime", 401)]
#[case::probe("/livez", 200)]
fn a_read_needs_the_token_unless_it_is_open(#[case] path: &str, #[case] without: u16) {
    let issuer = Issuer::new("k", "ES256");
    let service = service_of(&issuer);
    assert_eq!(service.admin().get(path).unwrap().status, without);
    let mut admin = service.admin();
    let token = issuer.token(&valid_now());
    admin.send(&format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n")).unwrap();
    assert_eq!(admin.reply().unwrap().status, 200);
    service.stop();
}

#[test]
fn who_fails_too_often_has_to_wait() {
    let issuer = Issuer::new("k", "ES256");
    let service = service_of(&issuer);
    let failed = loop {
        let failed = put(&service, "guess");
        if failed.status != 401 {
            break failed;
        }
    };
    assert_eq!((failed.status, failed.header("retry-after")), (429, Some("1")));
    // Others are not asked to wait: the probes, and reads that are open.
    for path in ["/livez", "/readyz", "/stats"] {
        assert_eq!(service.admin().get(path).unwrap().status, 200);
    }
    assert_eq!(service.admin().get("/metrics").unwrap().status, 429);
    // The right token has to wait as well, or guessing would not be slow, but no longer than that.
    let right = issuer.token(&valid_now());
    while put(&service, &right).status != 200 {}
    service.stop();
}

#[test]
fn without_a_token_the_answer_says_whose_is_needed() {
    let service = service_of(&Issuer::new("k", "ES256"));
    let mut admin = service.admin();
    admin.send("PUT /runtime HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").unwrap();
    let reply = admin.reply().unwrap();
    assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")));
    assert!(reply.body.contains(SUBJECT) && reply.body.contains(AUDIENCE), "{}", reply.body);
    service.stop();
}

#[test]
fn a_set_without_keys_stops_the_start() {
    let server = headroom_workload::Server::builder(axum::Router::new());
    let started = server.writes(writes(r#"{"keys":[]}"#.to_owned())).start();
    assert!(matches!(started, Err(StartError::Writers(WritersError::Jwks(_)))));
}

#[test]
fn the_environment_of_a_pod_sets_it_up_and_names_what_it_lacks() {
    let output = Command::new(env!("CARGO_BIN_EXE_headroom-workload"))
        .env_clear()
        .env("HEADROOM_WORKLOAD_JWKS", Issuer::new("k", "ES256").jwks())
        .env("HEADROOM_WORKLOAD_TOKEN_ISSUER", ISSUER)
        .env("HEADROOM_WORKLOAD_TOKEN_SUBJECT", SUBJECT)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("--token-audience"), "{error}");
}
