//! Sends the requests when they are intended and reads the answers: one thread, one epoll loop.
//!
//! [`Engine::new`] takes the intended times as an iterator, so nothing that happens here can move them.

mod alarm;
mod connection;
mod descriptors;
mod pool;
mod receive;
mod requests;
mod run;
mod schedule;
mod send;

pub use descriptors::connections_possible;
pub use run::{Done, Engine, EngineError, Note, Progress};

use crate::http::Request;
use std::net::SocketAddr;
use std::time::Duration;

/// Where one share of the requests goes.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The address to connect to.
    pub address: SocketAddr,
    /// What is sent.
    pub request: Request,
}

/// How a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// For one request after the other.
    KeepAlive,
    /// For one request.
    Never,
}

/// How requests are sent.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Requests are spread over these in turn.
    pub destinations: Vec<Destination>,
    /// Most connections open to each of them at a time.
    pub connections_per_destination: usize,
    /// How a connection is used.
    pub reuse: Reuse,
    /// Longest time from the intended send time to the last byte of the answer.
    pub timeout: Duration,
    /// When the schedule ends, since the start of the warm-up.
    pub end: Duration,
}
