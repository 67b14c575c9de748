//! Spans arrive at a collector.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use headroom_workload::{Server, Traces};
use serde_json::Value;

use crate::client::Client;
use crate::service::workers;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn sampled_requests_arrive_at_the_collector_below_their_parents() {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let received = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&received);
    let collector = Router::new()
        .route("/v1/traces", post(move |body: String| async move { taken.lock().unwrap().push(body) }));
    let collector =
        Server::builder(collector).listen(any_port).admin(any_port).workers(workers(1)).start().unwrap();
    let endpoint = format!("http://{}", collector.addresses().listening).parse().unwrap();
    let passed_on = |headers: HeaderMap| async move { headers["traceparent"].to_str().unwrap().to_owned() };
    let router = Router::new().route("/", get(passed_on));
    let traces = Traces { endpoint, share: 0.0, service: "orders".to_owned() };
    let server = Server::builder(router).listen(any_port).admin(any_port).workers(workers(1)).traces(traces);
    let server = server.start().unwrap();

    let mut client = Client::connect(server.addresses().listening).unwrap();
    let not_sampled = PARENT.replace("-01", "-00");
    let mut ask = |parent: &str| {
        client.send(&format!("GET /?q=1 HTTP/1.1\r\nhost: a\r\ntraceparent: {parent}\r\n\r\n")).unwrap();
        client.reply().unwrap().body
    };
    assert_eq!(ask(&not_sampled), not_sampled, "what is not sampled goes through as it is");
    let inner = ask(PARENT);
    let request: Value = loop {
        let bodies = received.lock().unwrap();
        if let Some(body) = bodies.first() {
            break serde_json::from_str(body).unwrap();
        }
        drop(bodies);
        std::thread::yield_now();
    };
    let resource = &request["resourceSpans"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "orders");
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!((spans.len(), &spans[0]["parentSpanId"]), (1, &Value::from(&PARENT[36..52])));
    let (trace, span) = (spans[0]["traceId"].as_str().unwrap(), spans[0]["spanId"].as_str().unwrap());
    assert_eq!(inner, format!("00-{trace}-{span}-01"), "the service sees the span as parent");
    assert_eq!(spans[0]["attributes"][2]["value"]["intValue"], "200");
    assert!(spans[0]["endTimeUnixNano"].as_str() >= spans[0]["startTimeUnixNano"].as_str());
    server.drain();
    collector.drain();
    server.join().unwrap();
    collector.join().unwrap();
}
