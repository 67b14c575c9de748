//! The fast path and hyper give the same answers to the same bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use headroom_workload::{FixedAnswer, Http1, RunningServer, Server};
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use rstest::rstest;

use crate::client::{Client, PATIENCE};
use crate::service::workers;

fn server(http1: Http1) -> RunningServer {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let router = Router::new().fallback(echo);
    let server = Server::builder(router).listen(any_port).admin(any_port).workers(workers(1)).http1(http1);
    server.fixed(FixedAnswer::new("/fixed", "text/plain", "always so").unwrap()).start().unwrap()
}

/// Says what it was asked; in parts if the request wants it so.
async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let headers: Vec<String> =
        head.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes);
    let text = format!("{} {} {headers:?} {body:?}", head.method, head.uri);
    let (status, body) = match head.uri.path() {
        "/none" => (204, Body::empty()),
        "/parts" => {
            let parts = ["one", "", "two"].map(|part| Ok::<_, std::io::Error>(bytes::Bytes::from(part)));
            (200, Body::from_stream(futures::stream::iter(parts)))
        }
        "/close" => return Response::builder().header("connection", "close").body(Body::from(text)).unwrap(),
        _ => (200, Body::from(text)),
    };
    Response::builder().status(status).header("x-kind", "echo").body(body).unwrap()
}

/// What came back, with what differs by nature taken out.
#[derive(Debug)]
struct Answers {
    lines: Vec<String>,
    /// The server closed the connection over something it had not read: the system may throw away the answer that
    /// was on its way, whoever gave it.
    reset: bool,
}

impl Answers {
    /// Whether both may be the same, as far as they came.
    fn agree(&self, other: &Self) -> bool {
        if !self.reset && !other.reset {
            return self.lines == other.lines;
        }
        let shorter = self.lines.len().min(other.lines.len()).saturating_sub(1);
        self.lines[..shorter] == other.lines[..shorter]
    }
}

/// What the server sends back to `bytes`, sent in pieces of `piece`.
fn conversation(address: SocketAddr, bytes: &[u8], piece: usize) -> Answers {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reset = false;
    // Closing the sending side would do too, but how much of an answer then comes is a race.
    let last = "GET /last HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    for piece in [bytes, last.as_bytes()].concat().chunks(piece) {
        // The server may have closed the connection over what it was sent before.
        reset |= stream.write_all(piece).is_err();
    }
    let mut answer = Vec::new();
    reset |= stream.read_to_end(&mut answer).is_err();
    let text = String::from_utf8_lossy(&answer).into_owned();
    // Whether a connection over which nonsense came is closed with an answer or without is a race inside hyper.
    let text = text.split("HTTP/1.1 400").next().unwrap_or_default();
    Answers { lines: text.split("\r\n\r\n").flat_map(normal).collect(), reset }
}

/// The lines of a head in an order of their own, without dates and names of requests.
fn normal(part: &str) -> Vec<String> {
    let mut lines: Vec<String> = part.split("\r\n").map(str::to_owned).collect();
    lines.retain(|line| !line.starts_with("date: ") && !line.starts_with("x-request-id: "));
    if lines.iter().any(|line| line.contains("HTTP/1.1 204")) {
        // hyper writes a length for HEAD, which RFC 9110 8.6 forbids.
        lines.retain(|line| line != "content-length: 0");
    }
    lines.sort();
    lines
}

fn heads() -> impl Strategy<Value = Vec<u8>> {
    let method = prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "BREW", "get"]);
    let target = prop::sample::select(vec![
        "/",
        "/a?b=c",
        "/fixed",
        "/fixed?x",
        "/none",
        "/parts",
        "/close",
        "*",
        "http://test/x",
        "/%zz",
        "/\u{fc}",
        "x",
        "/a#b",
    ]);
    let version = prop::sample::select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2"]);
    let line = prop::sample::select(vec![
        "Host: test",
        "Host: test",
        "host: other",
        "Connection: close",
        "Connection: keep-alive",
        "Connection: keep-alive, x-a",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Expect: 100-continue",
        "X-Request-ID: mine",
        "X-Empty:",
        "X-Blank: a \t",
        "Content-Length: 3",
        "Content-Length: 3",
        "Content-Length: 0",
        "Content-Length: +3",
        "Content-Length: 3, 3",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "TE: trailers",
        "X Y: z",
        "X-Fold: a\r\n b",
        "X-Bare: a\nX-B: b",
        "X-Cr: a\rb",
        "Cookie: a=b; c=d",
        "accept: */*",
    ]);
    let body =
        prop::sample::select(vec!["", "abc", "3\r\nabc\r\n0\r\n\r\n", "3;ext=1\r\nabc\r\n0\r\nt: v\r\n\r\n"]);
    (method, target, version, prop::collection::vec(line, 0..5), any::<bool>(), body).prop_map(
        |(method, target, version, mut lines, plain, body)| {
            // Half of them are as most clients write them.
            if plain {
                lines.retain(|line| {
                    line.starts_with("X-Request") || line.starts_with("Cookie") || line.starts_with("acc")
                });
                lines.push("Host: test");
                if body == "abc" {
                    lines.push("Content-Length: 3");
                }
            }
            let first = format!("{method} {target} {version}");
            let all: Vec<&str> = [first.as_str()].into_iter().chain(lines).chain(["", body]).collect();
            all.join("\r\n").into_bytes()
        },
    )
}

static FAST: LazyLock<RunningServer> = LazyLock::new(|| server(Http1::Fast));
static GENERAL: LazyLock<RunningServer> = LazyLock::new(|| server(Http1::General));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn both_paths_say_the_same(requests in prop::collection::vec(heads(), 1..4), piece in 1usize..200) {
        let bytes = requests.concat();
        let [fast, general] = [&FAST, &GENERAL].map(|server| conversation(server.addresses().listening, &bytes, piece));
        prop_assert!(fast.agree(&general), "{fast:?}\n{general:?}\n{}", String::from_utf8_lossy(&bytes));
    }
}

#[rstest]
#[case::fast(Http1::Fast)]
#[case::general(Http1::General)]
fn fixed_answers_are_counted_and_need_no_handler(#[case] http1: Http1) {
    let server = server(http1);
    let mut client = Client::connect(server.addresses().listening).unwrap();
    for _ in 0..3 {
        let reply = client.get("/fixed").unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (200, "always so"));
        assert_eq!(reply.header("content-type"), Some("text/plain"));
        assert!(reply.header("x-request-id").is_some_and(|id| !id.is_empty()));
    }
    client.send("POST /fixed HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\nhi").unwrap();
    assert!(client.reply().unwrap().body.starts_with("POST /fixed"), "other methods are the router's");
    let stats = server.stats();
    assert_eq!((stats.arrivals, stats.admitted, stats.in_flight, stats.responses.success), (4, 4, 0, 4));
    assert_eq!(stats.service.count(), 4);
    server.drain();
    server.join().unwrap();
}

#[test]
fn a_request_in_pieces_is_one_request() {
    let server = server(Http1::Fast);
    let mut stream = TcpStream::connect(server.addresses().listening).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello" {
        stream.write_all(&[*byte]).unwrap();
    }
    let mut answer = vec![0; 17];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK\r\n");
    server.drain();
    server.join().unwrap();
}
