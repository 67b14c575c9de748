//! What was read becomes what the core sees: the one place that knows both the wire formats and the core's types.

mod fetch;
mod sample;
mod write;

pub use fetch::{FetchError, Fetcher};
pub use sample::sample_of;
pub use write::WriteError;
