//! `axum::serve` on the runtime of `#[tokio::main]`: nothing is set.

use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use headroom_bench_peers::{ANSWER, Order, address};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let router = Router::new()
        .route("/", get(|| async { ANSWER }).post(|_body: Bytes| async { ANSWER }))
        .route("/json", get(|| async { Json(Order::example()) }));
    let listener = tokio::net::TcpListener::bind(address()).await?;
    axum::serve(listener, router).await
}
