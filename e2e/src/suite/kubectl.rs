//! kubectl and helm, as a user runs them.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

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

/// An object, as the API server has it; `None` if there is none.
pub fn object(namespace: &str, kind: &str, name: &str) -> anyhow::Result<Option<Value>> {
    let text = kubectl(&["-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found"])?;
    if text.trim().is_empty() { Ok(None) } else { Ok(Some(serde_json::from_str(&text)?)) }
}

/// Objects of a kind, by label if one is given.
pub fn objects(namespace: &str, kind: &str, label: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let mut arguments = vec!["-n", namespace, "get", kind, "-o", "json"];
    arguments.extend(label.iter().flat_map(|label| ["-l", label]));
    let list: Value = serde_json::from_str(&kubectl(&arguments)?)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
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
