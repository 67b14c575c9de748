//! kubectl and helm, as a user runs them.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail};

/// What kubectl printed; an error with what it complained about if it failed.
pub fn kubectl(arguments: &[&str]) -> anyhow::Result<String> {
    run("kubectl", arguments, None)
}

/// The same with something on standard input.
pub fn kubectl_with_input(arguments: &[&str], input: &str) -> anyhow::Result<String> {
    run("kubectl", arguments, Some(input))
}

/// What helm printed.
pub fn helm(arguments: &[&str]) -> anyhow::Result<String> {
    run("helm", arguments, None)
}

fn run(program: &str, arguments: &[&str], input: Option<&str>) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{program} can't be started"))?;
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        pipe.write_all(input.as_bytes())?;
    }
    let Output { status, stdout, stderr } = child.wait_with_output()?;
    if !status.success() {
        bail!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&stderr).trim());
    }
    Ok(String::from_utf8(stdout)?)
}
