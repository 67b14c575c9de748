//! All cases, one after the other; in each, rounds in which every server has its turn.

use std::time::{Duration, Instant};

use askama::Template as _;

use super::args::Args;
use super::case::{Case, Protocol};
use super::memory;
use super::output::{say, write};
use super::page;
use super::peer::Peer;
use super::report::{Measured, Report};
use super::site::Site;
use super::text;
use super::turn;
use super::versions;
use crate::machine::Machine;

/// What all cases share.
struct Bench<'a> {
    args: &'a Args,
    site: Site,
    servers: Vec<Peer>,
}

/// Runs the measurement.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (cases, servers) = (args.cases()?, args.servers()?);
    let site = Site::new(&args.out.join("servers"), args.built(), &cases)?;
    let bench = Bench { args, site, servers };
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
                None => {
                    self.site.start(case, server).map_err(|error| skipped = Some(format!("{error:#}"))).ok()
                }
            };
            measured.push(Measured { server: server.to_string(), case, turns: Vec::new(), skipped });
            running.push(started);
        }
        self.site.cpus.place(case.workers).client.bind()?;
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
        self.site.cpus.bind()?;
        Ok(measured)
    }

    /// With as many connections as a server takes, of the numbers given.
    fn memory(&self, connections: &[usize], report: &mut Report) -> anyhow::Result<()> {
        say("memory of idle connections")?;
        for (turn, server) in self.servers.iter().filter(|server| server.keeps_many_connections()).enumerate()
        {
            for &count in connections {
                let case = memory::case(Protocol::H1, count);
                match memory::measure(&self.site, server, case, turn) {
                    Ok(memory) => {
                        say(&format!("  {memory}"))?;
                        report.memory.push(memory);
                        break;
                    }
                    Err(error) => {
                        let skipped = memory::skipped(server, case, &error);
                        say(&format!("  {:<12} {count} skipped: {}", skipped.server, skipped.reason))?;
                        report.skipped.push(skipped);
                    }
                }
            }
        }
        self.site.cpus.bind()?;
        Ok(())
    }
}
