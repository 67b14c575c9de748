//! `headroom-bench`: the command line of the measurements.

use clap::{Parser, Subcommand};
use headroom_bench::{overload, server};

/// Measures the server beside others. Figures go to target/bench.
#[derive(Debug, Parser)]
#[command(name = "headroom-bench", version)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What a request costs, beside nginx and others.
    Server(server::Args),
    /// What an idle connection costs in memory, beside nginx.
    Memory(server::memory::command::Args),
    /// What overload does, with admission and without.
    Overload(overload::Args),
    /// The least that an exchange costs.
    #[command(hide = true)]
    Floor(server::floor::Args),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().what {
        What::Server(args) => server::run(&args),
        What::Memory(args) => server::memory::command::run(&args),
        What::Overload(args) => overload::run(&args),
        What::Floor(args) => server::floor::run(&args),
    }
}
