//! HTTP/1 as far as a load generator needs it: requests written once, answers read in pieces. Pure.

mod answer;
mod chunked;
mod head;
mod request;
mod url;

pub use answer::{Answer, AnswerParser, Ending, Progress};
pub use head::Malformed;
pub use request::{MAX_REQUEST_BODY, Request, RequestError};
pub use url::{Target, TargetError};

/// The longest answer head accepted (status line, headers or trailers), in bytes.
pub const MAX_HEAD: usize = 64 << 10;
/// The longest answer body accepted, in bytes.
pub const MAX_BODY: u64 = 64 << 20;
