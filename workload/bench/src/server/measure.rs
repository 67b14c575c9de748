//! All cases, one after the other; in each, rounds in which every server has its turn.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use askama::Template as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::args::Args;
use super::case::{Case, Protocol};
use super::certificate::Certificate;
use super::client;
use super::cpus::Cpus;
use super::memory;
use super::page;
use super::peer::{ANSWER, JSON, Peer, Setup};
use super::process::{Running, free_address};
use super::report::{Measured, Report};
use super::text;
use super::turn;
use super::versions;
use crate::machine::Machine;

/// What all cases share.
struct Bench<'a> {
    args: &'a Args,
    cpus: Cpus,
    certificate: Certificate,
    servers: Vec<Peer>,
}

/// Runs the measurement.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (cases, servers) = (args.cases()?, args.servers()?);
    fs::create_dir_all(&args.out).with_context(|| format!("failed to create {}", args.out.display()))?;
    raise_descriptors();
    let certificate = Certificate::make(&args.out.join("servers"))?;
    let bench = Bench { args, cpus: Cpus::allowed()?, certificate, servers };
    let mut report = Report {
        machine: Machine::here(),
        versions: versions::found(),
        rows: Vec::new(),
        memory: Vec::new(),
        skipped: Vec::new(),
    };
    let started = Instant::now();
    say(&format!("about {:.0} s in all", bench.estimate(&cases).as_secs_f64()))?;
    for (number, &case) in (1..).zip(&cases) {
        say(&format!(
            "[{number}/{}, {:.0} s] {case}: {}",
            cases.len(),
            started.elapsed().as_secs_f64(),
            case.words()
        ))?;
        let measured = bench.case(case)?;
        say(&text::lines(&measured))?;
        report.take(&measured);
    }
    if let Some(connections) = args.idle() {
        bench.memory(connections, &mut report)?;
    }
    write(&args.out.join("server.json"), &serde_json::to_string_pretty(&report)?)?;
    write(&args.out.join("server.html"), &page::page(&report).render()?)?;
    write(&args.out.join("server.md"), &page::markdown(&report))?;
    say(&format!("written to {}/server.json, server.html and server.md", args.out.display()))?;
    Ok(())
}

impl Bench<'_> {
    fn estimate(&self, cases: &[Case]) -> Duration {
        let turns: Duration = (0..self.args.rounds()).map(|round| self.args.length(round).total()).sum();
        let servers =
            cases.iter().map(|&case| self.servers.iter().filter(|server| server.takes_part(case)).count());
        turns * servers.sum::<usize>() as u32
    }

    fn case(&self, case: Case) -> anyhow::Result<Vec<Measured>> {
        let mut measured = Vec::new();
        let mut running = Vec::new();
        for server in self.servers.iter().filter(|server| server.takes_part(case)) {
            let mut skipped = server.refuses(case);
            let started = match skipped {
                Some(_) => None,
                None => self.start(case, server).map_err(|error| skipped = Some(format!("{error:#}"))).ok(),
            };
            measured.push(Measured { server: server.to_string(), case, turns: Vec::new(), skipped });
            running.push(started);
        }
        self.cpus.place(case.workers).client.bind()?;
        for round in 0..self.args.rounds() {
            // Nobody is always first, or always behind the same one.
            for place in 0..running.len() {
                let index = (place + round) % running.len();
                let Some(server) = &running[index] else { continue };
                server.thaw();
                let turn = turn::measure(server, case, self.args.length(round), &self.args.out);
                server.freeze();
                match turn {
                    Ok(turn) => measured[index].turns.push((round, turn)),
                    Err(error) => {
                        measured[index].skipped = Some(format!("{error:#}"));
                        running[index] = None;
                    }
                }
            }
        }
        self.cpus.bind()?;
        Ok(measured)
    }

    /// With as many connections as a server takes, of the numbers given.
    fn memory(&self, connections: &[usize], report: &mut Report) -> anyhow::Result<()> {
        say("memory of idle connections")?;
        for server in self.servers.iter().filter(|server| server.keeps_many_connections()) {
            for &count in connections {
                let case = memory::case(count);
                let measured = self.start(case, server).and_then(|running| {
                    running.thaw();
                    memory::measure(server.to_string(), &running, count)
                });
                match measured {
                    Ok(memory) => {
                        say(&format!(
                            "  {:<12} {count}: {:.0} bytes each",
                            memory.server, memory.bytes_per_connection
                        ))?;
                        report.memory.push(memory);
                        break;
                    }
                    Err(error) => {
                        let reason = format!("memory: {error:#}");
                        say(&format!("  {:<12} {count} skipped: {reason}", server.to_string()))?;
                        let skipped = Some(reason);
                        report.take(&[Measured {
                            server: server.to_string(),
                            case,
                            turns: Vec::new(),
                            skipped,
                        }]);
                    }
                }
            }
        }
        self.cpus.bind()?;
        Ok(())
    }

    /// A server that has answered as it should, frozen.
    fn start(&self, case: Case, server: &Peer) -> anyhow::Result<Running> {
        // An absolute path: servers look for files in their own places.
        let folder = fs::canonicalize(&self.args.out)?.join("servers").join(server.to_string());
        fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let address = free_address()?;
        let Certificate { certificate, key } = &self.certificate;
        let built = self.args.built();
        let setup = Setup { case, address, folder: &folder, built: &built, certificate: (certificate, key) };
        let placement = self.cpus.place(case.workers);
        let running = Running::start(server.command(&setup)?, address, &placement, &folder.join("log"))?;
        if !case.protocol.encrypted() && case.protocol != Protocol::H2 {
            client::probe(address, &client::request(case.protocol), expected(case.protocol))?;
        }
        running.freeze();
        Ok(running)
    }
}

fn expected(protocol: Protocol) -> &'static str {
    if protocol == Protocol::H1Json { JSON } else { ANSWER }
}

/// As many descriptors as the hard limit allows; the servers inherit it.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // With fewer, opening connections fails and says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn write(file: &PathBuf, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
