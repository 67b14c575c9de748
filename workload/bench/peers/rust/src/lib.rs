//! What the peers answer.

// The very one of our sample service: what is compared must not differ by its answer.
#[path = "../../../../src/sample/order.rs"]
mod order;

pub use order::Order;

/// To everything but `GET /json`.
pub const ANSWER: &[u8] = b"hello, world\n";

/// Where to listen: the only argument.
pub fn address() -> String {
    std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned())
}
