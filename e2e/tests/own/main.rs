//! Tests with a controller of their own, side by side: `make e2e`. Most break what is around it: an API server that is slow,
//! refuses, falls silent or shows an old view, pods that are cut off, replicas that are killed, a right that is taken away,
//! a chart that is removed. The others need a controller that sees no other service: many loads that end together freeze
//! shrinking.
//!
//! What was written is read from the API server's audit log, and how the service fared from the load generator; that a
//! fault happened, from the fault proxy.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stdout, reason = "tests print what they saw")]

mod balance;
mod evidence;
mod hand;
mod idle;
mod killed;
mod leader;
mod lifecycle;
mod refusals;
mod rights;
mod scaling;
mod silence;
mod slow;
mod stale;
