//! The whole proxy over loopback, with a stand-in for the API server that counts its calls.
#![allow(clippy::unwrap_used, reason = "functions here are parts of tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;

/// As many events as the test gives; an answer to all else that counts the calls.
struct Server {
    proxy: SocketAddr,
    control: SocketAddr,
    calls: Arc<AtomicU32>,
    events: mpsc::UnboundedSender<&'static str>,
}

type Events = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<&'static str>>>;

fn api(request: &Request<Incoming>, calls: &AtomicU32, events: Events) -> Response<Body> {
    let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
    if !request.uri().query().unwrap_or_default().contains("watch") {
        let credentials = request.headers().get("authorization").map_or("", |value| value.to_str().unwrap());
        return Response::new(full(format!("{number} {credentials}")));
    }
    let events = futures::stream::unfold(events, |events| async move {
        let event = events.lock().await.recv().await?;
        Some((Ok::<_, BoxError>(http_body::Frame::data(Bytes::from_static(event.as_bytes()))), events))
    });
    Response::new(StreamBody::new(events).boxed_unsync())
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

impl Server {
    async fn start() -> Self {
        let (listener, behind) = listener().await;
        let calls = Arc::<AtomicU32>::default();
        let (events, coming) = mpsc::unbounded_channel();
        let (counted, coming) = (Arc::clone(&calls), Arc::new(tokio::sync::Mutex::new(coming)));
        tokio::spawn(async move {
            loop {
                let stream = accept(&listener).await;
                let (calls, events) = (Arc::clone(&counted), Arc::clone(&coming));
                let service = service_fn(move |request| {
                    let answer = api(&request, &calls, Arc::clone(&events));
                    async move { Ok::<_, Infallible>(answer) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        let proxy = Proxy::new(Upstream::plain(behind.to_string().parse().unwrap()));
        let (calls_in, proxy_address) = self::listener().await;
        let (rules_in, control) = self::listener().await;
        tokio::spawn(proxy.clone().serve(calls_in));
        tokio::spawn(proxy.serve_control(rules_in));
        Self { proxy: proxy_address, control, calls, events }
    }

    async fn ask(&self, method: Method, uri: &str) -> Result<Response<Incoming>, BoxError> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let uri = format!("http://{}{uri}", self.proxy);
        let request = Request::builder().method(method).uri(uri).header("authorization", "Bearer me");
        Ok(client.request(request.body(full(""))?).await?)
    }

    async fn rules(&self, method: Method, rules: Value) -> Vec<Applied> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::builder().method(method).uri(format!("http://{}/rules", self.control));
        let answer = client.request(request.body(full(rules.to_string())).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert!(parts.status.is_success(), "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    async fn put(&self, rules: Value) {
        self.rules(Method::PUT, rules).await;
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn text(answer: Response<Incoming>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn event(watch: &mut Response<Incoming>) -> String {
    let frame = watch.body_mut().frame().await.expect("the stream ended").expect("the stream was cut");
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

const PODS: &str = "/api/v1/namespaces/shop/pods";
const WATCH: &str = "/api/v1/namespaces/shop/pods?watch=true";

#[tokio::test]
async fn without_rules_calls_pass_with_their_credentials() {
    let server = Server::start().await;
    assert_eq!(text(server.ask(Method::GET, PODS).await.unwrap()).await, "1 Bearer me");
    server.events.send("{\"a\":1}\n").unwrap();
    let mut watch = server.ask(Method::GET, WATCH).await.unwrap();
    assert_eq!(event(&mut watch).await, "{\"a\":1}\n");
}

#[tokio::test]
async fn refusals_cuts_and_old_views_follow_their_rules() {
    let server = Server::start().await;
    let patches = json!({ "verbs": ["patch"] });
    server.put(json!([
        { "match": patches, "count": 1, "fault": { "kind": "answer", "status": 429, "retryAfter": 3600 } },
        { "match": patches, "fault": { "kind": "cut" } },
        { "fault": { "kind": "stale" } },
    ])).await;
    let refused = server.ask(Method::PATCH, "/api/v1/namespaces/shop/pods/a").await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"3600".parse().unwrap())
    );
    assert!(text(refused).await.contains("\"code\":429"));
    assert!(server.ask(Method::PATCH, "/api/v1/namespaces/shop/pods/a").await.is_err());
    assert_eq!(server.calls(), 0);
    for _ in 0..2 {
        assert_eq!(text(server.ask(Method::GET, PODS).await.unwrap()).await, "1 Bearer me");
    }
    // Under other rules the view is another.
    server.put(json!([{ "fault": { "kind": "stale" } }])).await;
    assert_eq!(text(server.ask(Method::GET, PODS).await.unwrap()).await, "2 Bearer me");
    server.rules(Method::DELETE, Value::Null).await;
    assert_eq!(text(server.ask(Method::GET, PODS).await.unwrap()).await, "3 Bearer me");
}

#[tokio::test]
async fn what_is_held_goes_on_when_the_rule_goes_and_never_when_its_caller_left() {
    let server = Server::start().await;
    server
        .put(json!([{ "match": { "verbs": ["create"] }, "fault": { "kind": "delay", "seconds": 3600 } },
                      { "fault": { "kind": "stall" } }]))
        .await;
    let left = server.ask(Method::POST, PODS);
    assert!(tokio::time::timeout(Duration::from_millis(200), left).await.is_err());
    let given_up = async {
        while server.rules(Method::GET, Value::Null).await[0].given_up == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), given_up)
        .await
        .expect("nobody noticed that the caller left");
    let stalled = server.ask(Method::GET, PODS);
    let removed = async {
        while server.rules(Method::GET, Value::Null).await[1].disturbed == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.calls(), 0);
        server.rules(Method::DELETE, Value::Null).await;
    };
    let (answer, ()) = tokio::join!(stalled, removed);
    assert_eq!(text(answer.unwrap()).await, "1 Bearer me", "the call that was given up never arrived");
}

#[tokio::test]
async fn a_stream_leaves_events_out_falls_silent_and_tells_that_it_is_too_old() {
    let server = Server::start().await;
    server
        .put(json!([{ "match": { "verbs": ["watch"] }, "skip": 1, "count": 1, "fault": { "kind": "drop" } }]))
        .await;
    let mut watch = server.ask(Method::GET, WATCH).await.unwrap();
    // The second of three events, which come in other pieces than they leave in.
    for piece in ["{\"a\":", "1}\n{\"b\":2}\n{\"c\"", ":3}\n"] {
        server.events.send(piece).unwrap();
    }
    assert_eq!(event(&mut watch).await, "{\"a\":1}\n");
    assert_eq!(event(&mut watch).await, "{\"c\":3}\n");

    server.put(json!([{ "fault": { "kind": "silence" } }])).await;
    server.events.send("{\"d\":4}\n").unwrap();
    let silent = tokio::time::timeout(Duration::from_millis(200), event(&mut watch)).await;
    assert!(silent.is_err(), "{silent:?}");
    server.rules(Method::DELETE, Value::Null).await;
    assert_eq!(event(&mut watch).await, "{\"d\":4}\n");

    server.put(json!([{ "count": 1, "fault": { "kind": "gone" } }])).await;
    let last: Value = serde_json::from_str(&event(&mut watch).await).unwrap();
    assert_eq!((&last["type"], &last["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert!(watch.body_mut().frame().await.is_none(), "it goes on after the error");
}

#[tokio::test]
async fn a_stream_is_cut_in_its_middle() {
    let server = Server::start().await;
    let mut watch = server.ask(Method::GET, WATCH).await.unwrap();
    server.events.send("{\"a\":1}\n").unwrap();
    event(&mut watch).await;
    server.put(json!([{ "fault": { "kind": "cut" } }])).await;
    assert!(watch.body_mut().frame().await.is_some_and(|frame| frame.is_err()));
}
