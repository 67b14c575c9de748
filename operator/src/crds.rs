//! `headroom crds`: the custom resource definitions.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

/// Prints the custom resource definitions as YAML.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Writes a file each into this directory instead.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Args {
    /// Prints or writes them.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let manifests = headroom_api::manifests()?;
        match self.out {
            None => {
                let mut out = io::stdout().lock();
                for (_, yaml) in manifests {
                    writeln!(out, "---\n{}", yaml.trim_end())?;
                }
            }
            Some(directory) => {
                fs::create_dir_all(&directory)
                    .with_context(|| format!("can't make {}", directory.display()))?;
                for (name, yaml) in manifests {
                    let file = directory.join(name);
                    fs::write(&file, yaml).with_context(|| format!("can't write {}", file.display()))?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
