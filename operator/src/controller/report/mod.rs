//! What the controller tells: the status of each service, events on change, metrics, and what it knows for debugging.

pub mod dedupe;
pub mod quiet;
pub mod steady;
pub mod text;
