//! The `headroom` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> anyhow::Result<ExitCode> {
    headroom::log_to_stderr();
    headroom::Args::parse().run()
}
