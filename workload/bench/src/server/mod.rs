//! What a request costs, beside other servers: pinned, interleaved, CPU time first.

mod args;
mod case;
mod certificate;
mod client;
mod cpus;
pub mod floor;
mod goals;
mod h2load;
mod measure;
pub mod memory;
mod output;
mod page;
mod peer;
mod process;
mod report;
mod site;
mod statistics;
mod text;
mod turn;
mod usage;
mod versions;

pub use args::Args;
pub use measure::run;
