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
mod boards;
mod check;
mod columns;
mod observe;
mod others;
mod refused;
mod rollout;
mod tutorial;

/// The definition of our objects, which one test makes an old one for a moment: others that look at it, or count the
/// writes of a status that it cuts, keep it as it is.
static DEFINITION: std::sync::RwLock<()> = std::sync::RwLock::new(());
