//! What the peers answer.

use serde::Serialize;

/// To everything but `GET /json`.
pub const ANSWER: &[u8] = b"hello, world\n";

/// Made anew and serialised for each request.
#[derive(Debug, Serialize)]
pub struct Order {
    id: u64,
    customer: &'static str,
    city: &'static str,
    express: bool,
    lines: [Line; 3],
    note: &'static str,
    cents: u32,
}

#[derive(Debug, Serialize)]
struct Line {
    article: &'static str,
    count: u32,
    cents: u32,
}

impl Order {
    /// The order that every server answers with.
    pub fn example() -> Self {
        let line = |article, count, cents| Line { article, count, cents };
        Self {
            id: 4711,
            customer: "Ada Example",
            city: "Springfield",
            express: true,
            lines: [
                line("blue notebook, ruled", 3, 499),
                line("pencil, soft", 12, 85),
                line("desk lamp", 1, 3990),
            ],
            note: "please ring twice",
            cents: 6507,
        }
    }
}

/// Where to listen: the only argument.
pub fn address() -> String {
    std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned())
}
