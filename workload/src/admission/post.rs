//! A worker as admission sees it.

use std::sync::Arc;

use super::lane::Lane;
use super::tally::Integral;

/// A worker as admission sees it.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) role: Role,
    pub(super) lane: Arc<Lane>,
    /// What it runs of others' requests and of those that have waited.
    pub(super) sent: Integral,
    /// The largest integral of what it ran that was ever reported.
    pub(super) reported: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Takes requests.
    Live,
    /// Finishes what it has.
    Retiring,
    /// Has ended; its number is free.
    Gone,
}

impl Post {
    /// That of a worker which has not begun yet.
    pub(super) fn new(lane: Arc<Lane>) -> Self {
        Self { role: Role::Gone, lane, sent: Integral::default(), reported: 0 }
    }
}
