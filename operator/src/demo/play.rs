//! The load generator as a child: its records as they come, and its summary at the end.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use headroom_load::report::{Second, Summary};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::played::Played;
use crate::standalone::leash;

/// Keep-alive connections to the front: enough for the peak at the objective's latency, several times over.
const CONNECTIONS: &str = "256";

/// A load being played.
#[derive(Debug)]
pub struct Play {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    summary: PathBuf,
}

/// Where and how to play.
#[derive(Debug)]
pub struct Target<'a> {
    /// The generator.
    pub program: &'a Path,
    /// Where the load goes.
    pub url: String,
    /// As the generator writes it: `p99<100ms`.
    pub objective: String,
    /// Of the send times.
    pub seed: u64,
    /// Where its summary goes.
    pub summary: PathBuf,
}

impl Play {
    /// Starts, and returns when the first request is about to be sent. To be called on the main thread: see
    /// [`leash::command`].
    pub async fn begin(played: &Played, target: Target<'_>) -> anyhow::Result<Self> {
        let mut command = leash::command(target.program);
        command.args(["--target", &target.url, "--trace"]).arg(&played.file);
        command.args(["--scale", &played.scale.to_string(), "--speed-up", &played.speed_up.to_string()]);
        command.args([
            "--arrivals",
            "poisson",
            "--seed",
            &target.seed.to_string(),
            "--connections",
            CONNECTIONS,
        ]);
        command.args([
            "--timeout",
            "1s",
            "--objective",
            &target.objective,
            "--csv",
            "-",
            "--quiet",
            "--json",
        ]);
        command.arg(&target.summary).stderr(Stdio::inherit());
        let mut child = command.spawn().context("failed to start the load generator")?;
        let stdout = child.stdout.take().context("no pipe to the load generator's output")?;
        let mut play = Self { child, lines: BufReader::new(stdout).lines(), summary: target.summary };
        let header = play.lines.next_line().await.context("failed to read from the load generator")?;
        ensure!(
            header.as_deref() == Some(Second::CSV_HEADER),
            "the load generator did not start: is {} of the same version?",
            target.program.display()
        );
        Ok(play)
    }

    /// The next second's record; `None` when the load is over. May be dropped and called again; nothing is lost.
    pub async fn next(&mut self) -> anyhow::Result<Option<Second>> {
        let line = self.lines.next_line().await.context("failed to read from the load generator")?;
        line.map(|line| line.parse().context("the load generator wrote what is no record")).transpose()
    }

    /// Its summary, once the load is over.
    pub async fn finish(mut self) -> anyhow::Result<Summary> {
        let status = self.child.wait().await.context("lost sight of the load generator")?;
        // 3: it missed the objective or fell behind, which its summary says too.
        if !status.success() && status.code() != Some(3) {
            bail!("the load generator ended with {status}");
        }
        let text = std::fs::read(&self.summary).context("the load generator left no summary")?;
        serde_json::from_slice(&text).context("the load generator's summary is not understood")
    }
}
