//! What breaks around the controller: an API server that is slow, refuses, falls silent, shows an old view or is gone, a
//! kubelet that stops, a right that is taken away. Run by `make e2e` after the others: each test has a controller of its
//! own, and some break what all share.
//!
//! What was written is read from the API server's audit log, and how the service fared from the load generator; that a
//! fault happened, from the fault proxy.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stdout, reason = "tests print what they saw")]

mod gone;
mod kubelet;
mod leader;
mod proxy;
mod refusals;
mod rights;
mod silence;
mod site;
mod slow;
mod speed;
mod stale;
