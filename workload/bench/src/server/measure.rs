//! All cases, one after the other; in each, rounds in which every server has its turn.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::args::Args;
use super::case::{Case, Protocol};
use super::client;
use super::cpus::Cpus;
use super::peer::{ANSWER, JSON, Peer, Setup};
use super::process::{Running, free_address};
use super::report::{Measured, Report};
use super::text;
use super::turn;
use crate::machine::Machine;

/// Runs the measurement.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (cases, servers) = (args.cases()?, args.servers()?);
    fs::create_dir_all(&args.out).with_context(|| format!("failed to create {}", args.out.display()))?;
    raise_descriptors();
    let cpus = Cpus::allowed()?;
    let mut report = Report { machine: Machine::here(), rows: Vec::new(), skipped: Vec::new() };
    for case in cases {
        let measured = one_case(args, &cpus, case, &servers)?;
        say(&text::lines(&measured))?;
        report.take(&measured);
    }
    let file = args.out.join("server.json");
    fs::write(&file, serde_json::to_vec_pretty(&report)?)
        .with_context(|| format!("failed to write {}", file.display()))
}

fn one_case(args: &Args, cpus: &Cpus, case: Case, servers: &[Peer]) -> anyhow::Result<Vec<Measured>> {
    say(&format!("{case}: {}", case.words()))?;
    let mut measured = Vec::new();
    let mut running = Vec::new();
    for server in servers {
        let mut skipped = server.refuses(case);
        let started = match skipped {
            Some(_) => None,
            None => {
                start(args, cpus, case, server).map_err(|error| skipped = Some(format!("{error:#}"))).ok()
            }
        };
        measured.push(Measured { server: server.to_string(), case, turns: Vec::new(), skipped });
        running.push(started);
    }
    cpus.place(case.workers).client.bind()?;
    for round in 0..args.rounds() {
        // Nobody is always first, or always behind the same one.
        for place in 0..servers.len() {
            let index = (place + round) % servers.len();
            let Some(server) = &running[index] else { continue };
            server.thaw();
            let turn = turn::measure(server, case, args.length(round));
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
    cpus.bind()?;
    Ok(measured)
}

fn start(args: &Args, cpus: &Cpus, case: Case, server: &Peer) -> anyhow::Result<Running> {
    // An absolute path: servers look for files in their own places.
    let folder = fs::canonicalize(&args.out)?.join("servers").join(server.to_string());
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let address = free_address()?;
    let setup = Setup {
        case,
        address,
        folder: &folder,
        built: &args.built(),
        certificate: (Path::new("none"), Path::new("none")),
    };
    let running =
        Running::start(server.command(&setup)?, address, &cpus.place(case.workers), &folder.join("log"))?;
    if !case.protocol.encrypted() && case.protocol != Protocol::H2 {
        client::probe(address, &client::request(case.protocol), expected(case.protocol))?;
    }
    running.freeze();
    Ok(running)
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

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
