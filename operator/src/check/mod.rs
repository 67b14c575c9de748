//! `headroom check`: looks at a cluster as a colleague would, and says what is wrong and what to do.
//!
//! Each check has an id, which is also its heading in docs/check.md. A check that could not be made says so: it is
//! neither good nor bad.

mod cluster;
mod conditions;
mod controller;
mod finding;
mod installed;
mod permissions;
mod questions;
mod schema;
mod services;

pub use finding::{Finding, Verdict};
pub use permissions::{PERMISSIONS, Permission, Place};

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use kube::{Client, Config};

/// Exit code when a check fails.
const FAILED: u8 = 3;
/// Exit code when the cluster does not answer in time.
const TIMED_OUT: u8 = 124;

/// Checks the cluster, the controller and every service, and names a remedy for what is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what must be so before the installation.
    #[arg(long)]
    pre: bool,
    /// Namespace of the controller.
    #[arg(long, default_value = "headroom-system")]
    controller_namespace: String,
    /// Namespace whose services are checked; all if left out.
    #[arg(short = 'n', long)]
    namespace: Option<String>,
    /// How the findings are written.
    #[arg(short = 'o', long, default_value = "table")]
    output: Output,
    /// Longest time for everything.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    wait: u64,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line each, with the remedy below what is wrong.
    Table,
    /// Only what is wrong.
    Short,
    /// One JSON object.
    Json,
}

impl Args {
    /// Exit code 0 when nothing is wrong, 3 when a check failed, 124 when the cluster did not answer in time.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let wait = Duration::from_secs(self.wait);
        let findings = runtime.block_on(async { tokio::time::timeout(wait, self.findings()).await });
        if let Ok(findings) = findings {
            return self.write(&findings?);
        }
        let seconds = self.wait;
        writeln!(
            std::io::stderr(),
            "headroom check: not done within {seconds} s: is the API server reachable?"
        )?;
        Ok(ExitCode::from(TIMED_OUT))
    }

    async fn findings(&self) -> anyhow::Result<Vec<Finding>> {
        let mut config = Config::infer().await.map_err(|error| no_cluster(&error))?;
        config.default_retry = false;
        let client = Client::try_from(config).context("the configuration of the cluster can't be used")?;
        let mut findings = cluster::check(&client, self.pre).await?;
        if !self.pre {
            if let Some(namespace) = &self.namespace
                && let Some(absent) = services::absent(&client, namespace).await
            {
                findings.push(absent);
                return Ok(findings);
            }
            let listed = services::listed(&client, self.namespace.as_deref()).await;
            let kinds = services::kinds(&client, &listed).await;
            findings.extend(controller::check(&client, &self.controller_namespace, &kinds).await);
            findings.extend(services::check(&client, listed).await);
        }
        Ok(findings)
    }

    fn write(&self, findings: &[Finding]) -> anyhow::Result<ExitCode> {
        let mut out = stdout().lock();
        match self.output {
            Output::Table => finding::write_table(&mut out, findings)?,
            Output::Short => {
                let wrong: Vec<_> = findings.iter().filter(|f| f.verdict != Verdict::Good).cloned().collect();
                finding::write_table(&mut out, &wrong)?;
            }
            Output::Json => writeln!(out, "{}", serde_json::json!({ "version": 1, "findings": findings }))?,
        }
        let failed = findings.iter().any(|finding| finding.verdict == Verdict::Failed);
        Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
    }
}

/// Why there is no cluster to look at. Outside a pod the file is what counts.
fn no_cluster(error: &dyn std::error::Error) -> anyhow::Error {
    let reason = error.source().unwrap_or(error);
    anyhow::anyhow!("no cluster is configured: {reason}; set KUBECONFIG to the file that kubectl uses")
}
