//! Traces: a span for each sampled request, sent to a collector. Off unless set; then a request that is not sampled
//! costs a random number, and nothing of it is kept.

mod export;
mod layer;
mod span;

pub(crate) use export::export;
pub(crate) use layer::channel;
#[cfg(feature = "fuzz")]
pub(crate) use span::fuzz;
