//! The command line: flags, their values, and what a run is made of.

mod args;
mod job;
mod values;

pub use args::Args;
pub use job::{Job, UsageError};
