//! Figures that tests measure: printed, and kept in target/e2e/figures.jsonl for the report of the whole run.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Prints a figure and keeps it.
pub fn figure(test: &str, name: &str, value: f64, unit: &str) {
    println!("FIGURE {test}: {name} = {value:.3} {unit}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/e2e");
    let line = serde_json::json!({ "test": test, "name": name, "value": value, "unit": unit });
    let kept = fs::create_dir_all(&folder)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(folder.join("figures.jsonl")))
        .and_then(|mut file| writeln!(file, "{line}"));
    if let Err(error) = kept {
        println!("the figure could not be kept: {error}");
    }
}
