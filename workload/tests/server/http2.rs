//! HTTP/2: requests over it, its limits, and how its connections end.

use std::io::Write as _;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{Method, Request, Response};
use rstest::rstest;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::frames::{
    DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
    head,
};
use crate::service::{Service, limited, one_slot, start, workers};

const SHORT: Duration = Duration::from_millis(150);

/// A client with one connection.
struct Http2 {
    runtime: Handle,
    send: SendRequest<Bytes>,
    ended: tokio::task::JoinHandle<Result<(), h2::Error>>,
    _stop: oneshot::Sender<()>,
}

impl Http2 {
    fn connect(service: &Service) -> Self {
        Self::to(service.server.addresses().listening)
    }

    fn to(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stop, stopped) = oneshot::channel();
        let handle = runtime.handle().clone();
        // The connection goes on while the test waits for something else.
        thread::spawn(move || drop(runtime.block_on(stopped)));
        let (send, ended) = handle.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let builder = || {
                let mut builder = h2::client::Builder::new();
                builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 24);
                builder
            };
            let (send, connection) = builder().handshake(stream).await.unwrap();
            (send, tokio::spawn(connection))
        });
        Self { runtime: handle, send, ended, _stop: stop }
    }

    fn begin(&mut self, method: Method, path: &str, body: Option<Bytes>) -> ResponseFuture {
        let send = self.send.clone();
        let mut send = self.runtime.block_on(send.ready()).unwrap();
        let request = Request::builder().method(method).uri(format!("http://test{path}")).body(()).unwrap();
        let (answer, mut upload) = send.send_request(request, body.is_none()).unwrap();
        if let Some(body) = body {
            upload.send_data(body, true).unwrap();
        }
        answer
    }

    fn end(&self, answer: ResponseFuture) -> Result<(Response<()>, Vec<u8>), h2::Error> {
        self.runtime.block_on(async {
            let (head, mut body) = answer.await?.into_parts();
            let mut whole = Vec::new();
            while let Some(part) = body.data().await {
                let part = part?;
                body.flow_control().release_capacity(part.len())?;
                whole.extend_from_slice(&part);
            }
            Ok((Response::from_parts(head, ()), whole))
        })
    }

    fn call(&mut self, method: Method, path: &str, body: Option<Bytes>) -> (u16, String) {
        let answer = self.begin(method, path, body);
        let (head, body) = self.end(answer).unwrap();
        assert!(head.headers().get("connection").is_none(), "{head:?}");
        (head.status().as_u16(), String::from_utf8_lossy(&body).into_owned())
    }

    fn get(&mut self, path: &str) -> (u16, String) {
        self.call(Method::GET, path, None)
    }

    /// Waits until the server has closed the connection, having said so.
    fn ended(self) {
        drop(self.send);
        self.runtime.block_on(self.ended).unwrap().unwrap();
    }
}

fn frames(service: &Service) -> Frames {
    Frames::connect(service.server.addresses().listening, &[]).unwrap()
}

#[test]
fn requests_are_served_by_prior_knowledge() {
    let service = start(|server| server);
    let mut client = Http2::connect(&service);
    assert_eq!(client.get("/"), (200, "hello".into()));
    assert_eq!(client.call(Method::POST, "/", Some(Bytes::from(vec![0; 100_000]))), (200, "100000".into()));
    assert_eq!(client.call(Method::HEAD, "/", None), (200, String::new()));
    assert_eq!(client.get("/nowhere").0, 404);
    let stats = service.server.stats();
    assert_eq!((stats.arrivals, stats.responses.success, stats.responses.client_error), (4, 3, 1));
    assert_eq!((stats.latency.count(), stats.in_flight), (3, 0));
    drop(client);
    service.stop();
}

#[test]
fn whatever_comes_in_one_piece_with_the_preface_is_read() {
    let service = start(|server| server);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut pieces = [&preface[..], &frame(SETTINGS, 0, 0, &[])].concat();
    pieces.extend(frame(HEADERS, END_HEADERS, 1, &head("POST", "/")));
    for flags in [0, 0, END_STREAM] {
        pieces.extend(frame(DATA, flags, 1, &[b'x'; 10_000]));
    }
    let mut stream = std::net::TcpStream::connect(service.server.addresses().listening).unwrap();
    stream.write_all(&pieces).unwrap();
    let mut client = Frames::after_preface(stream);
    assert_eq!(client.until(DATA).unwrap().payload, b"30000");
    drop(client);
    service.stop();
}

#[test]
fn many_streams_share_a_connection() {
    let service = start(|server| server.workers(workers(2)));
    let mut client = Http2::connect(&service);
    for _ in 0..20 {
        let answers: Vec<_> = (0..100).map(|_| client.begin(Method::GET, "/", None)).collect();
        for answer in answers {
            assert_eq!(client.end(answer).unwrap().1, b"hello");
        }
    }
    assert_eq!(service.server.stats().responses.success, 2000);
    drop(client);
    service.stop();
}

#[test]
fn a_large_answer_arrives_whole_beside_others() {
    let service = start(|server| server);
    let mut client = Http2::connect(&service);
    let large = client.begin(Method::GET, "/large", None);
    assert_eq!(client.get("/").0, 200);
    assert_eq!(client.end(large).unwrap().1.len(), 64 << 20);
    drop(client);
    service.stop();
}

#[rstest]
#[case::long_target("/".to_owned() + &"x".repeat(1000), Method::GET, None, 414)]
#[case::large_body("/".to_owned(), Method::POST, Some(101), 413)]
#[case::crash("/panic".to_owned(), Method::GET, None, 500)]
fn refusals_end_their_stream_and_nothing_else(
    #[case] path: String,
    #[case] method: Method,
    #[case] body: Option<usize>,
    #[case] status: u16,
) {
    let service =
        start(|server| limited(server, |limits| (limits.uri_bytes, limits.body_bytes) = (1000, 100)));
    let mut client = Http2::connect(&service);
    let body = body.map(|length| Bytes::from(vec![0; length]));
    assert_eq!(client.call(method, &path, body).0, status);
    assert_eq!(client.get("/").0, 200);
    drop(client);
    service.stop();
}

#[test]
fn a_full_queue_is_503() {
    let service = start(|server| one_slot(server, 0, Duration::ZERO));
    let mut client = Http2::connect(&service);
    let held = client.begin(Method::GET, "/held", None);
    service.until(|stats| stats.in_flight == 1);
    assert_eq!(client.get("/").0, 503);
    service.release(1);
    assert_eq!(client.end(held).unwrap().1, b"released");
    drop(client);
    service.stop();
}

#[test]
fn a_slow_handler_is_504_and_its_neighbours_are_not() {
    let service = start(|server| limited(server, |limits| limits.request_timeout = SHORT));
    let mut client = Http2::connect(&service);
    let slow = client.begin(Method::GET, "/held", None);
    assert_eq!(client.get("/").0, 200);
    assert_eq!(client.end(slow).unwrap().0.status(), 504);
    drop(client);
    service.stop();
}

#[test]
fn a_slow_body_is_408() {
    let service = start(|server| limited(server, |limits| limits.body_idle = SHORT));
    let mut client = frames(&service);
    client.send(HEADERS, END_HEADERS, 1, &head("POST", "/")).unwrap();
    client.send(DATA, 0, 1, b"some").unwrap();
    assert_eq!(client.until(HEADERS).unwrap().stream, 1);
    service.until(|stats| stats.responses.client_error == 1 && stats.in_flight == 0);
    drop(client);
    service.stop();
}

#[test]
fn a_client_that_leaves_frees_the_slot() {
    let service = start(|server| one_slot(server, 0, Duration::ZERO));
    let mut client = frames(&service);
    client.get(1, "/held").unwrap();
    service.until(|stats| stats.in_flight == 1);
    client.send(RST_STREAM, 0, 1, &8u32.to_be_bytes()).unwrap();
    service.until(|stats| stats.in_flight == 0);
    drop(client);
    service.stop();
}

#[test]
fn a_stream_without_room_is_reset_and_others_go_on() {
    let service = start(|server| limited(server, |limits| limits.write_stall = SHORT));
    let mut client = frames(&service);
    // More than the window of a stream, which nobody opens.
    client.get(1, "/large").unwrap();
    assert_eq!(client.until(RST_STREAM).unwrap().stream, 1);
    client.send(WINDOW_UPDATE, 0, 0, &(1u32 << 20).to_be_bytes()).unwrap();
    client.get(3, "/").unwrap();
    assert_eq!(client.until(DATA).unwrap().payload, b"hello");
    drop(client);
    service.stop();
}

#[rstest]
#[case::nothing(&[])]
#[case::half_a_frame(&[0, 0, 8, PING, 0, 0])]
#[case::half_a_payload(&[0, 0, 8, PING, 0, 0, 0, 0, 0, 1, 2])]
#[case::half_a_head(&[0, 0, 8, HEADERS, 4, 0, 0, 0, 1, 0x82])]
#[case::no_end_of_a_head(&[0, 0, 1, HEADERS, 1, 0, 0, 0, 1, 0x82])]
fn what_a_client_leaves_unfinished_ends_the_connection(#[case] sent: &[u8]) {
    let service = start(|server| {
        limited(server, |limits| {
            (limits.head_timeout, limits.body_idle, limits.keep_alive) = (SHORT, SHORT, SHORT);
        })
    });
    let mut client = frames(&service);
    client.raw(sent).unwrap();
    client.ended();
    service.stop();
}

#[test]
fn an_idle_connection_is_told_and_closed() {
    let service = start(|server| limited(server, |limits| limits.keep_alive = SHORT));
    let mut client = Http2::connect(&service);
    assert_eq!(client.get("/").0, 200);
    client.ended();
    service.stop();
}

#[test]
fn an_old_connection_is_told_and_finishes_its_streams() {
    let service = start(|server| limited(server, |limits| limits.connection_age = SHORT));
    let mut client = Http2::connect(&service);
    let held = client.begin(Method::GET, "/held", None);
    service.until(|stats| stats.in_flight == 1);
    let mut raw = frames(&service);
    assert_eq!(raw.until(GOAWAY).unwrap().payload[4..8], [0; 4]);
    service.release(1);
    assert_eq!(client.end(held).unwrap().1, b"released");
    client.ended();
    drop(raw);
    service.stop();
}

#[test]
fn a_connection_ends_after_ten_thousand_requests() {
    let service = start(|server| server);
    let mut client = frames(&service);
    let (mut answers, mut told) = (0, false);
    for stream in 0..10_000u32 {
        client.get(2 * stream + 1, "/").unwrap();
        while stream % 50 == 49 && answers <= stream {
            let frame = client.next().unwrap();
            answers += u32::from(frame.kind == HEADERS);
            told |= frame.kind == GOAWAY;
        }
        if stream % 50 == 49 {
            client.send(WINDOW_UPDATE, 0, 0, &1000u32.to_be_bytes()).unwrap();
        }
    }
    assert!(told || client.ended() == Some(0));
    client.ended();
    let stats = service.server.stats();
    assert_eq!((stats.responses.success, stats.connections_closed.requests), (10_000, 1));
    service.stop();
}

#[test]
fn a_worker_that_retires_ends_its_connections_gently() {
    let service = start(|server| server.workers(workers(2)));
    let mut clients: Vec<_> = (0..8).map(|_| Http2::connect(&service)).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").0, 200);
    }
    let held: Vec<_> = clients.iter_mut().map(|client| client.begin(Method::GET, "/held", None)).collect();
    service.until(|stats| stats.in_flight == 8);
    service.server.set_workers(1.try_into().unwrap()).unwrap();
    service.release(8);
    for (client, answer) in clients.iter().zip(held) {
        assert_eq!(client.end(answer).unwrap().1, b"released");
    }
    service.until(|stats| stats.workers == 1 && stats.connections_closed.worker > 0);
    drop(clients);
    service.stop();
}

#[test]
fn a_draining_server_finishes_streams_and_closes() {
    let service = start(|server| server);
    let mut client = Http2::connect(&service);
    let held = client.begin(Method::GET, "/held", None);
    service.until(|stats| stats.in_flight == 1);
    service.server.drain();
    service.release(1);
    assert_eq!(client.end(held).unwrap().1, b"released");
    client.ended();
    service.stop();
}
