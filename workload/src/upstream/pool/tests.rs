//! A pool against a real server in the same runtime.

use axum::Router;
use axum::routing::get;
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt as _};

use super::*;
use crate::context::RequestContextLayer;
use crate::upstream::{PassOnError, PassOnLayer};

/// A server that answers `/` with what it was told, and `/never` never.
async fn serve() -> String {
    let told = async |headers: http::HeaderMap| {
        let names = ["x-request-id", "traceparent", "x-timeout-at"];
        let values =
            names.map(|name| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned());
        values.join(" ")
    };
    let router = Router::new().route("/", get(told)).route("/never", get(std::future::pending::<String>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(hyper_util::rt::TokioIo::new(stream), service));
        }
    });
    format!("http://{address}")
}

fn request(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

async fn text(answer: Response<PooledBody>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_connection_is_used_again_until_it_is_too_old() {
    let host = serve().await;
    for (lifetime, expected) in [(Duration::from_mins(5), 1), (Duration::ZERO, 3)] {
        let pool = Pool::new("stock", PoolSettings { lifetime, ..PoolSettings::default() });
        for _ in 0..3 {
            text(pool.clone().oneshot(request(&host)).await.unwrap()).await;
            // The client takes a connection back in a task of its own.
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.opened(), expected, "{lifetime:?}");
    }
}

#[tokio::test]
async fn a_connection_is_in_use_until_its_answer_is_read_or_dropped() {
    let host = serve().await;
    let settings = PoolSettings { leaked_after: Duration::ZERO, ..PoolSettings::default() };
    let pool = Pool::new("stock", settings);
    let (first, second) = (pool.clone().oneshot(request(&host)), pool.clone().oneshot(request(&host)));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((pool.in_use(), pool.leaked()), (2, 2));
    text(first).await;
    assert_eq!(pool.in_use(), 1);
    drop(second);
    assert_eq!((pool.in_use(), pool.leaked()), (0, 0));
}

#[tokio::test]
async fn who_does_not_answer_is_a_bad_gateway() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let pool = Pool::new("gone", PoolSettings::default());
    let error = pool.oneshot(request(&format!("http://{closed}"))).await.unwrap_err();
    assert_eq!(error.into_response().status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn what_goes_along_with_a_request_goes_along_with_its_calls() {
    let host = serve().await;
    let stock = ServiceBuilder::new()
        .layer(PassOnLayer::new(Duration::from_secs(5)))
        .service(Pool::new("stock", PoolSettings::default()));
    let handler = async move || text(stock.oneshot(request(&host)).await.unwrap()).await;
    let service = Router::new().route("/", get(handler)).layer(RequestContextLayer);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let asked = Request::get("/")
        .header("x-request-id", "order-7")
        .header("traceparent", parent)
        .header("grpc-timeout", "1H")
        .body(Body::empty());
    let answer = service.oneshot(asked.unwrap()).await.unwrap();
    let told = answer.into_body().collect().await.unwrap().to_bytes();
    let told: Vec<_> = std::str::from_utf8(&told).unwrap().split(' ').collect();
    assert_eq!(told[..2], ["order-7", parent]);
    assert!(told[2].parse::<f64>().is_ok(), "{told:?}");
}

#[tokio::test]
async fn a_call_ends_with_the_deadline_of_its_request() {
    let host = serve().await;
    let pool = Pool::new("stock", PoolSettings::default());
    let stock = ServiceBuilder::new().layer(PassOnLayer::new(Duration::from_hours(1))).service(pool.clone());
    let handler = async move || match stock.oneshot(request(&format!("{host}/never"))).await {
        Err(error @ PassOnError::TimedOut) => error.into_response().status(),
        _ => StatusCode::OK,
    };
    let service = Router::new().route("/", get(handler)).layer(RequestContextLayer);
    let asked =
        |timeout: &str| Request::get("/").header("grpc-timeout", timeout).body(Body::empty()).unwrap();
    for timeout in ["20m", "0m"] {
        let answer = service.clone().oneshot(asked(timeout)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    }
    assert_eq!(pool.in_use(), 0);
}
