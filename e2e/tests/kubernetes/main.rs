//! Tests on a real cluster: `make e2e`. Each has a namespace of its own; they share one controller and run side by side.
//!
//! What was written is read from the API server's audit log, and how the service fared from the load generator; never
//! from the controller's own figures.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and tell what they measured"
)]

mod blocked;
mod check;
mod columns;
mod evidence;
mod observe;
mod others;
mod refused;
mod rollout;
mod scaling;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tests that play much load take turns: two cores carry one of them at a time.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
