//! An HTTP server for many requests per second within a latency bound: one single-threaded runtime per worker, one
//! admission queue for all of them, and a worker count that can change while it runs. Bring your axum `Router`.

pub mod stats;
