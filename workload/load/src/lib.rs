//! An open-loop HTTP/1 load generator: send times are fixed before the answers are seen, and latency counts from the
//! intended send time to the last byte read.
//!
//! The way of a request: [`plan`] says when it is intended, [`engine`] sends it and reads the answer with the parser of
//! [`http`], [`account`] counts what became of it, and [`report`] is what others read of that.

pub mod account;
pub mod cli;
pub mod engine;
pub mod http;
pub mod output;
pub mod plan;
pub mod report;
pub mod units;
