//! TLS where requests are served: who is let in, which certificate is shown, and files that change.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headroom_workload::{ClientAuth, KeyPair, Tls};
use rstest::rstest;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{HandshakeKind, ProtocolVersion, SupportedProtocolVersion, version};

use crate::authority::{Authority, Validity};
use crate::client::Client;
use crate::frames::{DATA, Frames};
use crate::secure::{TlsClient, Trust};
use crate::service::{Service, limited, start, workers};

/// A folder with certificates of one authority.
struct Files {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new() };
        fs::write(files.path("ca.pem"), files.authority.pem()).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `NAME.pem` and `NAME.key` for a host.
    fn issue(&self, name: &str, host: &str, validity: Validity) -> KeyPair {
        let (certificate, key) = self.authority.issue(host, validity);
        let pair = KeyPair {
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        };
        fs::write(&pair.certificate, certificate).unwrap();
        fs::write(&pair.key, key).unwrap();
        pair
    }

    fn trust(&self) -> Trust {
        Trust::new(self.authority.der())
    }

    fn tls(&self) -> Tls {
        Tls { certificates: vec![self.issue("server", "localhost", Validity::Now)], clients: ClientAuth::Off }
    }
}

fn serve(tls: Tls) -> Service {
    start(|server| server.tls(tls))
}

#[rstest]
#[case::newest(&version::TLS13, ProtocolVersion::TLSv1_3)]
#[case::before(&version::TLS12, ProtocolVersion::TLSv1_2)]
fn requests_are_served_over_tls(
    #[case] offered: &'static SupportedProtocolVersion,
    #[case] agreed: ProtocolVersion,
) {
    let files = Files::new();
    let service = serve(files.tls());
    let mut client = files.trust().version(offered).connect(&service, "localhost").unwrap();
    assert_eq!(client.get("/").unwrap().body, "hello");
    assert_eq!(client.session().protocol_version(), Some(agreed));
    assert_eq!(client.get("/").unwrap().body, "hello");
    drop(client);
    service.stop();
}

#[test]
fn large_answers_arrive_whole() {
    let files = Files::new();
    let service = serve(files.tls());
    let mut client = files.trust().connect(&service, "localhost").unwrap();
    assert_eq!(client.get("/large").unwrap().body.len(), 64 << 20);
    drop(client);
    service.stop();
}

#[test]
fn the_certificate_is_that_of_the_name() {
    let files = Files::new();
    let mut tls = files.tls();
    tls.certificates.push(files.issue("other", "other.test", Validity::Now));
    let service = serve(tls);
    // A client checks that the certificate is for the name it asked for.
    for name in ["localhost", "other.test"] {
        assert_eq!(files.trust().connect(&service, name).unwrap().get("/").unwrap().status, 200);
    }
    let error = files.trust().connect(&service, "third.test").err().unwrap().to_string();
    assert!(error.contains("not valid for name"), "{error}");
    service.until(|stats| stats.tls.as_ref().is_some_and(|tls| tls.handshakes_failed == 1));
    service.stop();
}

#[test]
fn a_client_comes_back_without_a_whole_handshake() {
    let files = Files::new();
    let service = serve(files.tls());
    let trust = files.trust();
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut client = trust.connect(&service, "localhost").unwrap();
        assert_eq!(client.get("/").unwrap().status, 200);
        assert_eq!(client.session().handshake_kind(), Some(expected));
    }
    service.stop();
}

#[rstest]
#[case::needed(ClientAuth::Required, false)]
#[case::welcome(ClientAuth::Optional, true)]
fn clients_prove_who_they_are(#[case] demand: fn(PathBuf) -> ClientAuth, #[case] others_are_served: bool) {
    let files = Files::new();
    let service = serve(Tls { clients: demand(files.path("ca.pem")), ..files.tls() });
    let (certificate, key) = files.authority.issue("shop", Validity::Now);
    let mut known = files.trust().identity(&certificate, &key).connect(&service, "localhost").unwrap();
    assert_eq!(known.get("/").unwrap().status, 200);
    // TLS 1.3 tells a client with the first answer that it is not let in.
    let unknown = files.trust().connect(&service, "localhost").and_then(|mut client| client.get("/"));
    assert_eq!(unknown.is_ok(), others_are_served, "{unknown:?}");
    let (certificate, key) = Authority::new().issue("shop", Validity::Now);
    let forger = files.trust().identity(&certificate, &key);
    assert!(forger.connect(&service, "localhost").and_then(|mut client| client.get("/")).is_err());
    drop(known);
    service.stop();
}

/// As a Kubernetes secret is mounted: files are links into a folder that is itself a link, which is exchanged.
#[test]
fn exchanged_files_are_used_and_no_connection_is_dropped() {
    let files = Files::new();
    let link = |to: &str| {
        let staged = files.path("staged");
        symlink(files.path(to), &staged).unwrap();
        fs::rename(staged, files.path("data")).unwrap();
    };
    for folder in ["one", "two"] {
        fs::create_dir(files.path(folder)).unwrap();
        files.issue(&format!("{folder}/tls"), "localhost", Validity::Now);
    }
    link("one");
    let service = serve(Tls::new(files.path("data/tls.pem"), files.path("data/tls.key")));
    let mut old = files.trust().connect(&service, "localhost").unwrap();
    assert_eq!(old.get("/").unwrap().status, 200);
    link("two");
    service.until(|stats| stats.tls.as_ref().is_some_and(|tls| tls.reloads == 1));
    let mut new = files.trust().connect(&service, "localhost").unwrap();
    assert_eq!(new.get("/").unwrap().status, 200);
    assert_eq!(old.get("/").unwrap().status, 200);
    let shown = |client: &TlsClient| client.session().peer_certificates().unwrap()[0].clone().into_owned();
    assert_ne!(shown(&old), shown(&new));
    assert_eq!(shown(&new), first_of(&files.path("two/tls.pem")));
    drop((old, new));
    service.stop();
}

fn first_of(file: &Path) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_file(file).unwrap()
}

#[rstest]
#[case::expired(|files: &Files| drop(files.issue("server", "localhost", Validity::Past)), "not now")]
#[case::not_yet_valid(|files: &Files| drop(files.issue("server", "localhost", Validity::Future)), "not now")]
#[case::of_another_key(
    |files: &Files| fs::write(files.path("server.key"), files.authority.issue("localhost", Validity::Now).1).unwrap(),
    "can't be used with the key"
)]
#[case::garbage(|files: &Files| fs::write(files.path("server.pem"), "garbage").unwrap(), "holds no usable certificate")]
#[case::gone(|files: &Files| fs::remove_file(files.path("server.pem")).unwrap(), "failed to read")]
fn what_cannot_be_used_leaves_the_old_certificate(#[case] spoil: fn(&Files), #[case] said: &str) {
    let files = Files::new();
    let service = serve(files.tls());
    let before = first_of(&files.path("server.pem"));
    spoil(&files);
    service.until(|stats| stats.tls.as_ref().is_some_and(|tls| tls.reloads_failed >= 1));
    let error = service.server.stats().tls.unwrap().reload_error.unwrap();
    assert!(error.contains(said), "{error}");
    let mut client = files.trust().connect(&service, "localhost").unwrap();
    assert_eq!(client.get("/").unwrap().status, 200);
    assert_eq!(client.session().peer_certificates().unwrap()[0], before);
    // Good files end the complaint.
    files.issue("server", "localhost", Validity::Now);
    service.until(|stats| stats.tls.as_ref().is_some_and(|tls| tls.reload_error.is_none()));
    drop(client);
    service.stop();
}

#[rstest]
#[case::expired(Validity::Past)]
#[case::not_yet_valid(Validity::Future)]
fn a_server_does_not_start_with_a_certificate_of_no_use(#[case] validity: Validity) {
    let files = Files::new();
    let pair = files.issue("server", "localhost", validity);
    let any_port = ([127, 0, 0, 1], 0).into();
    let server = headroom_workload::Server::builder(axum::Router::new()).listen(any_port).admin(any_port);
    let error = server.tls(Tls::new(pair.certificate, pair.key)).start().unwrap_err().to_string();
    assert!(error.contains("not now"), "{error}");
}

#[rstest]
#[case::plain_text(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")]
#[case::nonsense(&[0xff; 100])]
fn what_is_not_tls_is_closed(#[case] sent: &[u8]) {
    let files = Files::new();
    let service = serve(files.tls());
    let mut socket = TcpStream::connect(service.server.addresses().listening).unwrap();
    socket.write_all(sent).unwrap();
    let mut answer = Vec::new();
    // The end, and no reset: all of it is an alert at most.
    socket.read_to_end(&mut answer).unwrap();
    assert!(answer.len() <= 7, "{answer:?}");
    service.until(|stats| stats.tls.as_ref().is_some_and(|tls| tls.handshakes_failed == 1));
    assert_eq!(service.server.stats().arrivals, 0);
    service.stop();
}

#[test]
fn a_handshake_that_does_not_go_on_is_ended_and_counts_as_a_connection() {
    let files = Files::new();
    let service = start(|server| {
        limited(server.tls(files.tls()), |limits| {
            (limits.handshake_timeout, limits.connections) = (Duration::from_millis(300), 1);
        })
    });
    let mut silent = Client::connect(service.server.addresses().listening).unwrap();
    let mut second = Client::connect(service.server.addresses().listening).unwrap();
    assert!(second.is_closed());
    assert!(silent.is_closed());
    service.until(|stats| stats.tls.as_ref().is_some_and(|tls| tls.handshakes_failed == 1));
    assert_eq!(service.server.stats().connections_closed.slow_handshake, 1);
    assert_eq!(files.trust().connect(&service, "localhost").unwrap().get("/").unwrap().status, 200);
    service.stop();
}

#[test]
fn sessions_go_to_other_workers() {
    let files = Files::new();
    let service = start(|server| server.tls(files.tls()).workers(workers(1)));
    let trust = files.trust();
    let mut clients: Vec<_> = (0..8).map(|_| trust.connect(&service, "localhost").unwrap()).collect();
    for count in [2, 1, 3, 1] {
        for client in &mut clients {
            assert_eq!(client.get("/").unwrap().body, "hello");
        }
        service.server.set_workers(count.try_into().unwrap()).unwrap();
        service.until(|stats| stats.workers == count as u32);
    }
    for client in &mut clients {
        assert_eq!(client.get("/").unwrap().body, "hello");
    }
    drop(clients);
    service.stop();
}

#[test]
fn a_name_may_be_an_address() {
    let files = Files::new();
    let tls =
        Tls::new(files.issue("server", "127.0.0.1", Validity::Now).certificate, files.path("server.key"));
    let service = serve(tls);
    assert!(matches!(ServerName::try_from("127.0.0.1").unwrap(), ServerName::IpAddress(_)));
    assert_eq!(files.trust().connect(&service, "127.0.0.1").unwrap().get("/").unwrap().status, 200);
    service.stop();
}

#[test]
fn http2_is_agreed_on_by_alpn() {
    let files = Files::new();
    let service = serve(files.tls());
    let client = files.trust().protocols(&["h2", "http/1.1"]).connect(&service, "localhost").unwrap();
    assert_eq!(client.session().alpn_protocol(), Some(&b"h2"[..]));
    let mut frames = Frames::over(client.into_stream(), &[]).unwrap();
    frames.get(1, "/").unwrap();
    assert_eq!(frames.until(DATA).unwrap().payload, b"hello");
    drop(frames);
    let unknown = files.trust().protocols(&["spdy/1"]).connect(&service, "localhost");
    assert!(unknown.is_err());
    service.stop();
}
