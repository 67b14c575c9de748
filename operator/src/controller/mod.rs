//! The controller: sizes every `ScaledService` of a cluster.
//!
//! A tick a second; in each, one [`pass`] over every service: observe, validate, decide, act, report. Every replica of
//! the controller watches and decides, so that a new leader's memory is warm; only the leader writes.

pub mod client;
pub mod findings;
pub mod leader;
pub mod port;
pub mod watch;
pub mod workload;

pub use findings::{Decided, Outcome, Owner, Refusal, Standing, Target, TargetName};
pub use port::AdminPort;

use std::time::Duration;

/// Field manager of everything written.
pub const FIELD_MANAGER: &str = "headroom";

/// Time between two looks at a service, and the deadline of every call that a look makes.
pub const TICK: Duration = Duration::from_secs(1);
