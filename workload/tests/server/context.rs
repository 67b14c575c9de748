//! The names of requests, and calls that fail because of an open breaker.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use headroom_workload::upstream::{Breaker, BreakerLayer, BreakerRules};
use headroom_workload::{RequestContext, RequestContextLayer, RunningServer, Server};
use tokio::sync::Semaphore;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use crate::client::{Client, PATIENCE, Reply};
use crate::service::{Service, one_slot, start, workers};

const FAST: &str = "GET / HTTP/1.1\r\nhost: test\r\n";
/// hyper's, because of its encoding.
const GENERAL: &str = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n";

fn serve(router: Router) -> RunningServer {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    Server::builder(router).listen(any_port).admin(any_port).workers(workers(1)).start().unwrap()
}

fn get_path(server: &RunningServer, path: &str) -> Reply {
    Client::connect(server.addresses().listening).unwrap().get(path).unwrap()
}

#[test]
fn every_answer_names_its_request() {
    let service = start(|server| server);
    for (head, end) in [(FAST, ""), (GENERAL, "0\r\n\r\n")] {
        let ask = |id: &str| {
            let mut client = service.client();
            client.send(&format!("{head}{id}\r\n{end}")).unwrap();
            client.reply().unwrap().header("x-request-id").unwrap().to_owned()
        };
        assert_eq!(ask("x-request-id: order-7\r\n"), "order-7");
        let (first, second) = (ask(""), ask("x-request-id: not fit\r\n"));
        assert_eq!((first.len(), second.len()), (16, 16));
        assert_ne!(first, second);
    }
    service.stop();
}

#[test]
fn a_handler_knows_the_name_that_the_answer_has() {
    let handler = async |context: RequestContext| context.id().to_owned();
    let server = serve(Router::new().route("/", get(handler)).layer(RequestContextLayer));
    let reply = get_path(&server, "/");
    assert_eq!(reply.header("x-request-id"), Some(reply.body.as_str()));
    server.drain();
    server.join().unwrap();
}

#[test]
fn a_span_of_time_counts_from_arrival_and_not_from_the_handlers_start() {
    let (held, told) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(None)));
    let (gate, tell) = (Arc::clone(&held), Arc::clone(&told));
    let router = Router::new()
        .route("/held", get(async move || gate.acquire().await.unwrap().forget()))
        .route("/", get(async move |context: RequestContext| *tell.lock().unwrap() = context.deadline()))
        .layer(RequestContextLayer);
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::builder(router).listen(any_port).admin(any_port).workers(workers(1));
    let service = Service::of(one_slot(server, 10, PATIENCE).start().unwrap());
    let (mut first, mut second) = (service.client(), service.client());
    first.send("GET /held HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    service.until(|stats| stats.in_flight == 1);
    second.send("GET / HTTP/1.1\r\nhost: a\r\ngrpc-timeout: 1H\r\n\r\n").unwrap();
    service.until(|stats| stats.queued == 1);
    let latest = Instant::now() + Duration::from_hours(1);
    held.add_permits(1);
    assert_eq!((first.reply().unwrap().status, second.reply().unwrap().status), (200, 200));
    assert!(told.lock().unwrap().is_some_and(|deadline| deadline <= latest));
    service.stop();
}

#[test]
fn what_an_open_breaker_fails_is_rejected_and_not_answered() {
    let breaker = Breaker::named("stock", BreakerRules { least_calls: 1, ..BreakerRules::default() });
    let fails = service_fn(|()| async {
        Ok::<_, Infallible>(Response::builder().status(500).body(axum::body::Body::empty()).unwrap())
    });
    let stock = ServiceBuilder::new().layer(BreakerLayer::http(breaker)).service(fails);
    let handler = async move || {
        stock.oneshot(()).await.unwrap_or_else(|error| match error {
            headroom_workload::upstream::BreakerError::Open(open) => open.into_response(),
            headroom_workload::upstream::BreakerError::Inner(never) => match never {},
        })
    };
    let server = serve(Router::new().route("/", get(handler)));
    assert_eq!(get_path(&server, "/").status, 500);
    let refused = get_path(&server, "/");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    let stats = server.stats();
    assert_eq!((stats.admitted, stats.rejected.breaker, stats.responses.server_error), (1, 1, 1));
    assert_eq!(stats.arrivals, stats.admitted + stats.rejected.total() + stats.queued);
    let metrics = Client::connect(server.addresses().admin).unwrap().get("/metrics").unwrap().body;
    assert!(metrics.contains("headroom_workload_breaker_state{upstream=\"stock\"} 2"));
    server.drain();
    server.join().unwrap();
}
