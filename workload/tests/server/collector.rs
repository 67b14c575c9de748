//! Spans arrive at a real collector of OpenTelemetry, or what of it receives. Building it takes its time: only when it is
//! asked for.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use headroom_workload::{Server, Traces};
use serde_json::Value;

use crate::client::{Client, PATIENCE};
use crate::service::workers;
use crate::tools::build;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Ends when the test does.
struct Collector(Child);

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts it where nobody listens yet; what it understands goes to `output`.
fn start(program: &Path, address: SocketAddr, output: &Path) -> Collector {
    Collector(
        Command::new(program).arg(address.to_string()).stdout(File::create(output).unwrap()).spawn().unwrap(),
    )
}

/// Tries again and again.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_real_collector_understands_the_spans() {
    if std::env::var_os("HEADROOM_COLLECTOR").is_none() {
        return println!(
            "SKIPPED: HEADROOM_COLLECTOR=1 builds the receiver of OpenTelemetry's collector with Go and sends spans to it"
        );
    }
    let program = build("otelcol", ".").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _collector = start(&program, address, &output);
    let said = || fs::read_to_string(&output).unwrap_or_default();
    until(&format!("the collector does not listen: {}", said()), || TcpStream::connect(address).is_ok());

    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let endpoint = format!("http://{address}").parse().unwrap();
    let traces = Traces { endpoint, share: 0.0, service: "orders".to_owned() };
    let router = Router::new().route("/things", get(|| async { "hello" }));
    let server = Server::builder(router).listen(any_port).admin(any_port).workers(workers(1)).traces(traces);
    let server = server.start().unwrap();
    let mut client = Client::connect(server.addresses().listening).unwrap();
    client.send(&format!("GET /things HTTP/1.1\r\nhost: a\r\ntraceparent: {PARENT}\r\n\r\n")).unwrap();
    assert_eq!(client.reply().unwrap().status, 200);
    until("the collector says nothing", || said().ends_with('\n'));
    let understood: Value = serde_json::from_str(said().lines().next().unwrap()).unwrap();
    let resource = &understood["resourceSpans"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "orders");
    let span = &resource["scopeSpans"][0]["spans"][0];
    assert_eq!((&span["traceId"], &span["parentSpanId"]), (&PARENT[3..35].into(), &PARENT[36..52].into()));
    assert_eq!((&span["name"], &span["kind"]), (&"GET".into(), &2.into()));
    let attributes = &span["attributes"];
    assert_eq!(attributes[1]["value"]["stringValue"], "/things");
    assert_eq!(attributes[2]["value"]["intValue"], "200");
    server.drain();
    server.join().unwrap();
}
