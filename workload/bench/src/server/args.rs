//! The command line of `headroom-bench server`.

use std::path::PathBuf;
use std::time::Duration;

use super::case::{self, Case};
use super::peer::Peer;
use super::turn::Length;

/// Arguments of the subcommand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A short form, to see that it works: fewer cases, three rounds of half a second.
    #[arg(long)]
    quick: bool,
    /// Only these cases: names, or their beginnings up to a hyphen, such as h1-64 or tls.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Only these servers.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// Another program of ours to compare with, as NAME=PATH; may be repeated.
    #[arg(long, value_parser = parse_binary)]
    binary: Vec<Peer>,
    /// Our server.
    #[arg(long, default_value = "target/release/headroom-workload")]
    program: PathBuf,
    /// Where the peers are that are built for this.
    #[arg(long, default_value = "target/bench/peers")]
    peers: PathBuf,
    /// Where the figures go.
    #[arg(long, default_value = "target/bench")]
    pub out: PathBuf,
    /// Rounds, in which each server has one turn.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of a turn, without warm-up.
    #[arg(long)]
    seconds: Option<f64>,
}

/// Idle connections whose memory is measured: fewer if a server does not take as many with the descriptors there are.
const IDLE: &[usize] = &[15_000, 9_000];
const QUICK_IDLE: &[usize] = &[2_000];

/// Cases of the short form.
const QUICK: &[&str] = &["h1-64", "h1-close", "h2", "tls"];

impl Args {
    /// What is measured.
    pub fn cases(&self) -> anyhow::Result<Vec<Case>> {
        let quick: Vec<_> = QUICK.iter().copied().map(str::to_owned).collect();
        let patterns = match (&self.cases, self.quick) {
            (none, true) if none.is_empty() => &quick,
            (patterns, _) => patterns,
        };
        let mut cases = case::ALL.to_vec();
        cases.retain(|case| patterns.is_empty() || patterns.iter().any(|pattern| case.is_meant_by(pattern)));
        let names: Vec<_> = case::ALL.iter().map(ToString::to_string).collect();
        anyhow::ensure!(
            !cases.is_empty() || self.idle().is_some(),
            "--cases means none of {}, memory",
            names.join(", ")
        );
        Ok(cases)
    }

    /// Who is measured.
    pub fn servers(&self) -> anyhow::Result<Vec<Peer>> {
        let mut servers = Peer::all(self.program.clone());
        let names: Vec<_> = servers.iter().map(ToString::to_string).collect();
        for name in &self.servers {
            anyhow::ensure!(names.contains(name), "--servers: {name} is none of {}", names.join(", "));
        }
        if !self.servers.is_empty() {
            servers.retain(|server| self.servers.contains(&server.to_string()));
        }
        servers.splice(1.min(servers.len())..1.min(servers.len()), self.binary.iter().cloned());
        Ok(servers)
    }

    /// How many idle connections there are when memory is measured, if it is.
    pub fn idle(&self) -> Option<&'static [usize]> {
        let wanted = self.cases.is_empty() || self.cases.iter().any(|case| case == "memory");
        wanted.then_some(if self.quick { QUICK_IDLE } else { IDLE })
    }

    /// Where the peers are that are built for this.
    pub fn built(&self) -> PathBuf {
        self.peers.join("release")
    }

    /// How often each server has its turn.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 10 }).max(1)
    }

    /// How long a turn takes in the first round, when nothing is warm, or in a later one.
    pub fn length(&self, round: usize) -> Length {
        let seconds = self.seconds.unwrap_or(if self.quick { 0.5 } else { 1.5 }).clamp(0.05, 60.0);
        let warm_up = match (round, self.quick) {
            (0, false) => 1.0,
            (0, true) | (_, false) => 0.3,
            (_, true) => 0.1,
        };
        Length { warm_up: Duration::from_secs_f64(warm_up), measured: Duration::from_secs_f64(seconds) }
    }
}

fn parse_binary(text: &str) -> Result<Peer, String> {
    let (name, program) = text.split_once('=').ok_or("expected NAME=PATH")?;
    Ok(Peer::Headroom { name: name.to_owned(), program: program.into() })
}
