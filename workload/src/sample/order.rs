//! What `GET /json` answers with, made and serialised for each request.

use serde::Serialize;

/// An order of a shop, some 300 bytes of JSON.
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
    /// Always the same.
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
