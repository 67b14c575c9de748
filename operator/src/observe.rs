//! What was read becomes what the core sees: the one place that knows both the wire formats and the core's types.

mod sample;

pub use sample::sample_of;
