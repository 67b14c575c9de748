//! The `headroom` command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    headroom::log_to_stderr();
    headroom::Args::parse().run().unwrap_or_else(|error| {
        // Nothing is left to tell when standard error is gone.
        let _ = writeln!(io::stderr(), "headroom: {error:#}");
        headroom::exit_code(&error)
    })
}
