//! HTTP/1.1 without detours: requests of a strict grammar are read, run and answered here, at a fraction of what a
//! general parser costs. The first request outside of the grammar goes to hyper, with the connection and every byte
//! of it that was not used: about each request only one parser decides where it ends.

mod answer;
#[cfg(feature = "fuzz")]
mod fuzz;
mod grammar;
mod known;
mod line;
mod request;
mod scratch;
mod send;
mod serve;

#[cfg(feature = "fuzz")]
pub(crate) use fuzz::fuzz;
pub(super) use line::Line;
pub(crate) use scratch::Scratch;
pub(super) use serve::{End, serve};
