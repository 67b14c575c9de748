//! What a measurement prints and writes.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;

/// Writes a file as a whole.
pub fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))
}

/// A line for who waits.
pub fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
