//! What the servers are told.

use std::path::PathBuf;

use rstest::rstest;

use super::super::case::ALL;
use super::*;

/// The command and the files beside it.
fn told(peer: &Peer, case: Case) -> String {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        case,
        address: SocketAddr::from(([127, 0, 0, 1], 8099)),
        folder: folder.path(),
        built: Path::new("built"),
        certificate: (Path::new("cert.pem"), Path::new("key.pem")),
    };
    let mut text = format!("{:?}\n", peer.command(&setup).unwrap());
    for file in std::fs::read_dir(folder.path()).unwrap().flatten().filter(|file| file.path().is_file()) {
        text.push_str(&std::fs::read_to_string(file.path()).unwrap());
    }
    text
}

fn ours() -> Peer {
    Peer::Headroom { name: "headroom".to_owned(), program: PathBuf::from("headroom-workload") }
}

fn case(protocol: Protocol, workers: usize) -> Case {
    Case { protocol, connections: 64, workers }
}

fn many() -> Case {
    Case { connections: 100_000, ..case(Protocol::H1, 1) }
}

#[rstest]
#[case::ours(ours(), case(Protocol::H1, 2), &["\"--workers\" \"2\"", "127.0.0.1:8099", "\"--cpu\" \"0s\""])]
#[case::ours_tls(ours(), case(Protocol::Tls, 1), &["\"--tls-cert\" \"cert.pem\" \"--tls-key\" \"key.pem\""])]
#[case::nginx(Peer::Nginx, case(Protocol::H1, 1), &["worker_processes 1;", "listen 127.0.0.1:8099 backlog"])]
#[case::nginx_two(Peer::Nginx, case(Protocol::H1, 2), &["master_process on;", "worker_processes 2;", "reuseport"])]
#[case::nginx_h2(Peer::Nginx, case(Protocol::H2, 1), &["listen 127.0.0.1:8099 http2"])]
#[case::nginx_tls(Peer::Nginx, case(Protocol::Tls, 1), &["8099 ssl", "ssl_certificate_key key.pem;", "TLSv1.3"])]
#[case::ours_many(ours(), many(), &["\"--max-connections\" \"100500\"", "\"--keep-alive\" \"1800s\""])]
#[case::nginx_many(Peer::Nginx, many(), &["worker_connections 113500;", "nofile 114500;", "keepalive_timeout 1800s;"])]
#[case::haproxy(Peer::Haproxy, case(Protocol::H1, 2), &["nbthread 2", "bind 127.0.0.1:8099", r"hello,\ world\n"])]
#[case::h2o(Peer::H2o, case(Protocol::TlsHandshake, 1), &["port: 8099", "num-threads: 1", "key-file: key.pem"])]
#[case::go(Peer::Go, case(Protocol::H1, 1), &["\"built/go-peer\" \"127.0.0.1:8099\""])]
#[case::floor(Peer::Floor, case(Protocol::H1Close, 2), &["\"floor\" \"127.0.0.1:8099\" \"--threads\" \"2\" \"--close\""])]
fn a_server_is_told_the_case(#[case] peer: Peer, #[case] case: Case, #[case] expected: &[&str]) {
    let text = told(&peer, case);
    for part in expected {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn in_clear_text_nobody_is_told_of_certificates() {
    for peer in Peer::all("ours".into()) {
        let text = told(&peer, case(Protocol::H1, 1));
        assert!(!text.contains("cert.pem"), "{text}");
    }
}

#[test]
fn every_case_has_nginx_to_compare_with() {
    assert!(ALL.iter().all(|&case| Peer::Nginx.refuses(case).is_none()));
}

#[test]
fn a_program_that_is_not_there_is_not_measured() {
    let missing = Peer::Headroom { name: "x".to_owned(), program: "/nowhere/headroom".into() };
    assert!(missing.refuses(case(Protocol::Tls, 1)).unwrap().contains("failed to start"));
}
