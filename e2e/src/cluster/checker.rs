//! The programs that check a chart and its rules; they need no cluster.

use std::path::PathBuf;

use anyhow::Context;

use super::command::find;
use super::place::Place;
use super::progress::Progress;
use super::prometheus;
use super::tools::Tool;

/// A program that reads manifests or rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checker {
    /// The package installer: renders.
    Helm,
    /// Compares manifests with schemas.
    Kubeconform,
    /// Reads and tests rules of Prometheus.
    Promtool,
}

impl Checker {
    /// The program: of the version that the tests are written for, built or fetched first where that is missing, else
    /// one on the PATH. The error says what to install.
    pub fn ensure(self) -> anyhow::Result<PathBuf> {
        let built = |tool: Tool, name: &str| {
            let folder = tool.ensure(&Place::of_this_checkout(), &Progress::new());
            folder.map(|folder| folder.join(name)).or_else(|error| find(name).ok_or(error))
        };
        match self {
            Self::Helm => built(Tool::Helm, "helm"),
            Self::Kubeconform => built(Tool::Kubeconform, "kubeconform"),
            Self::Promtool => {
                let mut programs = prometheus::ensure(&Progress::silent()).into_iter();
                programs
                    .find(|program| program.ends_with("promtool"))
                    .context("promtool is missing: install Prometheus")
            }
        }
    }
}
