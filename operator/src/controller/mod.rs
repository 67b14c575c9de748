//! The controller: sizes every `ScaledService` of a cluster.
//!
//! A tick a second; in each, one [`pass`] over every service: observe, validate, decide, act, report. Every replica of
//! the controller watches and decides, so that a new leader's memory is warm; only the leader writes.

pub mod act;
pub mod admin;
mod again;
pub mod args;
mod bundled;
pub mod checker;
pub mod checkpoint;
pub mod client;
pub mod contest;
pub mod context;
pub mod findings;
pub mod fleet;
pub mod leader;
pub mod memory;
pub mod observe;
pub mod pass;
pub mod port;
pub mod report;
pub mod run;
mod size;
pub mod start;
pub mod target;
mod unread;
pub mod watch;
pub mod workload;

pub use crate::outcome::{Outcome, Refusal};
pub use args::Args;
pub use findings::{Decided, Owner, Standing, Target, TargetName};
pub use port::AdminPort;

use std::time::Duration;

/// Field manager of everything written.
pub const FIELD_MANAGER: &str = "headroom";

/// Time between two looks at a service, and the deadline of every call that a look makes.
pub const TICK: Duration = Duration::from_secs(1);
