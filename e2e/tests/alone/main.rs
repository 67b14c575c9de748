//! Tests that break what all others need, or measure how fast the controller is: one at a time, each with a controller of
//! its own. Run by `make e2e` after the others.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stdout, reason = "tests print what they saw")]

mod gone;
mod kubelet;
mod soak;
mod speed;
