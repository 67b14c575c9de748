//! `headroom decide`: observations in, decisions out, one JSON line each. The format is `docs/reference/decide.md`.

mod line;
mod memory;
mod write;

pub use write::ObservationLine;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use headroom_core::{Policy, State};

use crate::validate;

/// The longest line, in bytes: 8,000 pods with the largest `stats` there may be.
const LONGEST_LINE: u64 = 256 << 20;
/// Exit code for input that can't be decided about.
const BAD_INPUT: u8 = 2;
/// Exit code when reading or writing fails.
const FAILED: u8 = 1;

/// Reads observations from standard input and writes a decision for each.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// YAML file with one `ScaledService`.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: PathBuf,
    /// Start from the state in this file, if it exists, and save it there at the end of the input.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

/// Why the input can't be decided about.
#[derive(Debug, thiserror::Error)]
#[error("line {number}")]
struct BadLine {
    number: usize,
    source: line::LineError,
}

impl Args {
    /// Decides about every line. Input that can't be decided about ends with exit code 2; the state file is then left
    /// as it was.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.decide() {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => {
                writeln!(io::stderr(), "headroom decide: {error:#}")?;
                Ok(ExitCode::from(if error.is::<io::Error>() { FAILED } else { BAD_INPUT }))
            }
        }
    }

    fn decide(&self) -> anyhow::Result<()> {
        let policy = validate::one_policy(&self.file)?;
        let state = self.state.as_deref().map(memory::load).transpose()?.unwrap_or_default();
        let state = decide_lines(&policy, state, io::stdin().lock(), io::stdout().lock())?;
        self.state.as_deref().map_or(Ok(()), |path| memory::save(path, &state))
    }
}

/// Each answer is flushed before the next line is read, so that another program can ask and wait.
fn decide_lines(
    policy: &Policy,
    mut state: State,
    input: impl Read,
    mut output: impl Write,
) -> anyhow::Result<State> {
    let mut input = BufReader::new(input);
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let length =
            input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).context("can't read the input")?;
        if length == 0 {
            break;
        }
        anyhow::ensure!(length < LONGEST_LINE as usize, "line {number}: longer than {LONGEST_LINE} bytes");
        if text.trim_ascii().is_empty() {
            continue;
        }
        let seen =
            line::parse(&text, policy, state.last_look()).map_err(|source| BadLine { number, source })?;
        let (decision, next) = headroom_core::decide(policy, state, &seen.observation, seen.now);
        state = next;
        serde_json::to_writer(&mut output, &decision)?;
        output.write_all(b"\n")?;
        output.flush().context("can't write the decision")?;
    }
    Ok(state)
}

#[cfg(test)]
mod tests;
