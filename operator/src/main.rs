//! The `headroom` command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = headroom::Args::parse();
    headroom::log_to_stderr(args.log_format());
    args.run().unwrap_or_else(|error| {
        // Nothing is left to tell when standard error is gone.
        let _ = writeln!(io::stderr(), "headroom: {error:#}");
        headroom::exit_code(&error)
    })
}
