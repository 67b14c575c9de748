//! `headroom-bench memory`: memory alone, with as many connections as the machine can have.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

use super::super::case::{Case, Protocol};
use super::super::output::{say, write};
use super::super::peer::Peer;
use super::super::report::Skipped;
use super::super::site::Site;
use super::super::versions;
use super::{Memory, case, measure, skipped, table};
use crate::machine::Machine;

/// Arguments of the subcommand.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Idle connections. Each needs a descriptor here and one in the server, which keeps a quarter of its own back.
    #[arg(long, value_delimiter = ',', default_value = "15000", value_parser = parse_connections)]
    connections: Vec<usize>,
    /// What they speak.
    #[arg(long, value_delimiter = ',', default_value = "h1")]
    protocols: Vec<Spoken>,
    /// Only these servers, of headroom and nginx.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// Our server.
    #[arg(long, default_value = "target/release/headroom-workload")]
    program: PathBuf,
    /// The folder that the figures go to, as memory.json.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

/// A protocol of idle connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Spoken {
    /// HTTP/1.1.
    H1,
    /// HTTP/1.1 over TLS 1.3.
    Tls,
}

/// More would need more than 1,000 addresses.
const MOST: usize = 10_000_000;

/// `memory.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    machine: Machine,
    /// Of the peers.
    versions: Vec<String>,
    memory: Vec<Memory>,
    skipped: Vec<Skipped>,
}

/// Runs the measurement.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (cases, servers) = (args.cases(), args.servers()?);
    let site = Site::new(&args.out.join("servers"), PathBuf::new(), &cases)?;
    let mut report = Report {
        machine: Machine::here(),
        versions: versions::found(),
        memory: Vec::new(),
        skipped: Vec::new(),
    };
    say(&report.machine.line())?;
    for (turn, (&case, server)) in
        cases.iter().flat_map(|case| servers.iter().map(move |server| (case, server))).enumerate()
    {
        match measure(&site, server, case, turn) {
            Ok(memory) => {
                say(&format!("  {memory}"))?;
                report.memory.push(memory);
            }
            Err(error) => {
                let skipped = skipped(server, case, &error);
                say(&format!("  {} {case} skipped: {}", skipped.server, skipped.reason))?;
                report.skipped.push(skipped);
            }
        }
    }
    write(&args.out.join("memory.json"), &serde_json::to_string_pretty(&report)?)?;
    say(&format!("\n{}", table(&report.memory).markdown()))?;
    anyhow::ensure!(!report.memory.is_empty(), "nothing was measured");
    Ok(())
}

impl Args {
    fn cases(&self) -> Vec<Case> {
        let of = |protocol: &Spoken| {
            let protocol = match protocol {
                Spoken::H1 => Protocol::H1,
                Spoken::Tls => Protocol::Tls,
            };
            self.connections.iter().map(move |&connections| case(protocol, connections))
        };
        self.protocols.iter().flat_map(of).collect()
    }

    fn servers(&self) -> anyhow::Result<Vec<Peer>> {
        let mut servers = Peer::all(self.program.clone());
        servers.retain(Peer::keeps_many_connections);
        let names: Vec<_> = servers.iter().map(ToString::to_string).collect();
        for name in &self.servers {
            anyhow::ensure!(names.contains(name), "--servers: {name} is none of {}", names.join(", "));
        }
        servers.retain(|server| self.servers.is_empty() || self.servers.contains(&server.to_string()));
        Ok(servers)
    }
}

fn parse_connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST).contains(&count) => Ok(count),
        _ => Err(format!("expected a number from 1 to {MOST}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(text: &str) -> Result<Args, clap::Error> {
        Ok(Line::try_parse_from(std::iter::once("memory").chain(text.split_whitespace()))?.args)
    }

    #[rstest]
    #[case::nothing("", "h1-15000", "headroom nginx")]
    #[case::numbers("--connections 9000,100000", "h1-9000 h1-100000", "headroom nginx")]
    #[case::all("--protocols h1,tls --servers nginx", "h1-15000 tls-15000", "nginx")]
    fn what_is_measured(#[case] line: &str, #[case] cases: &str, #[case] servers: &str) {
        let args = parse(line).unwrap();
        let names: Vec<_> = args.cases().iter().map(ToString::to_string).collect();
        assert_eq!(names.join(" "), cases);
        let names: Vec<_> = args.servers().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names.join(" "), servers);
    }

    #[rstest]
    #[case("--connections 0")]
    #[case("--connections 10000001")]
    #[case("--protocols h2")]
    fn what_is_not(#[case] line: &str) {
        assert!(parse(line).is_err());
    }

    #[test]
    fn others_keep_no_idle_connections() {
        let error = parse("--servers go").unwrap().servers().unwrap_err();
        assert_eq!(error.to_string(), "--servers: go is none of headroom, nginx");
    }
}
