//! What overload does to the server, with admission, without, and with a fixed limit.

/// Arguments of the subcommand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A short form, to see that it works.
    #[arg(long)]
    quick: bool,
}

/// Runs it.
pub fn run(args: &Args) -> anyhow::Result<()> {
    anyhow::bail!("not measured yet (quick: {})", args.quick)
}
