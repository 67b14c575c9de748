//! What a request costs, beside other servers: pinned, interleaved, CPU time first.

mod args;
mod case;
mod client;
mod cpus;
pub mod floor;
mod measure;
mod peer;
mod process;
mod report;
mod statistics;
mod text;
mod turn;
mod usage;

pub use args::Args;
pub use measure::run;
