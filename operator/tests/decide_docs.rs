//! The example of `docs/reference/decide.md` is run, and its answer compared.
#![allow(clippy::unwrap_used, reason = "a helper of a test is test code, though clippy can't tell")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The JSON block after a marker.
fn block<'a>(text: &'a str, marker: &str) -> &'a str {
    let start = text.find(marker).unwrap() + marker.len();
    let rest = text[start..].trim_start().strip_prefix("```json\n").unwrap();
    &rest[..rest.find("```").unwrap()]
}

#[test]
fn the_example_gives_the_answer_that_the_reference_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("docs/reference/decide.md")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_headroom"))
        .args(["decide", "-f"])
        .arg(root.join("examples/first.yaml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(block(&text, "<!-- example:input -->").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let last = String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned();
    let given: serde_json::Value = serde_json::from_str(&last).unwrap();
    let shown: serde_json::Value = serde_json::from_str(block(&text, "<!-- example:output -->")).unwrap();
    assert_eq!(
        given,
        shown,
        "docs/reference/decide.md should show\n{}",
        serde_json::to_string_pretty(&given).unwrap()
    );
}
