//! actix-web with a worker for each CPU that it may use; nothing else is set.

use actix_web::web::{self, Bytes, Json};
use actix_web::{App, HttpServer};
use headroom_bench_peers::{ANSWER, Order, address};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let app = || {
        App::new()
            .route("/", web::get().to(|| async { ANSWER }))
            .route("/", web::post().to(|_body: Bytes| async { ANSWER }))
            .route("/json", web::get().to(|| async { Json(Order::example()) }))
    };
    HttpServer::new(app).bind(address())?.run().await
}
