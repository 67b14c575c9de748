//! `server.json`: the figures for programs.

use serde::Serialize;

use super::case::Case;
use super::memory::Memory;
use super::statistics::{median, paired_ratio, spread_percent};
use super::turn::Turn;
use crate::machine::Machine;

/// From this utilisation on the server was the limit, so that its rate is its throughput.
const SATURATED: f64 = 0.95;

/// Everything that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub machine: Machine,
    /// Of the peers.
    pub versions: Vec<String>,
    pub rows: Vec<Row>,
    pub memory: Vec<Memory>,
    pub skipped: Vec<Skipped>,
}

/// Medians of a server in a case.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub server: String,
    /// `h1`, `h1-close`, `h1-json`, `h1-post`, `h2`, `tls` or `tls-handshake`.
    pub protocol: &'static str,
    pub connections: usize,
    pub workers: usize,
    pub requests_per_second: f64,
    pub cpu_micros_per_request: f64,
    pub user_micros_per_request: f64,
    pub system_micros_per_request: f64,
    pub p50_micros: f64,
    pub p99_micros: f64,
    /// CPU time over nginx's in the same round.
    pub ratio_to_nginx: Option<f64>,
    /// CPU time over the floor's in the same round.
    pub ratio_to_floor: Option<f64>,
    pub rounds: usize,
    /// Of the CPU time, between rounds.
    pub spread_percent: f64,
    pub utilisation_percent: f64,
    /// CPU time of the client: more than the server's means that it is the client that is busy.
    pub client_micros_per_request: Option<f64>,
    /// Whether the rate is the server's throughput, and not the client's.
    pub saturated: bool,
}

/// A server that was not measured in a case, or not to the end.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    pub server: String,
    pub protocol: &'static str,
    pub connections: usize,
    pub workers: usize,
    pub reason: String,
}

/// What was measured of a server in a case.
#[derive(Debug)]
pub struct Measured {
    pub server: String,
    pub case: Case,
    /// With the number of their round.
    pub turns: Vec<(usize, Turn)>,
    /// Why it was not measured, or not to the end.
    pub skipped: Option<String>,
}

impl Report {
    /// Takes up the servers of a case.
    pub fn take(&mut self, case: &[Measured]) {
        self.rows.extend(case.iter().filter_map(|measured| measured.row(case)));
        self.skipped.extend(case.iter().filter_map(Measured::why_skipped));
    }
}

impl Row {
    /// Whether it is of that case.
    pub fn is_of(&self, case: Case) -> bool {
        (self.protocol, self.connections, self.workers)
            == (case.protocol.name(), case.connections, case.workers)
    }
}

impl Measured {
    /// The medians; `all` are the servers of the same case.
    pub fn row(&self, all: &[Self]) -> Option<Row> {
        if self.skipped.is_some() || self.turns.is_empty() {
            return None;
        }
        let ratio_to = |name: &str| {
            let reference = all.iter().find(|other| other.server == name)?;
            paired_ratio(&self.costs(), &reference.costs())
        };
        let each = |get: fn(&Turn) -> f64| self.turns.iter().map(|(_, turn)| get(turn)).collect::<Vec<_>>();
        let middle = |get| median(&each(get));
        let utilisation = middle(|turn| turn.utilisation);
        Some(Row {
            server: self.server.clone(),
            protocol: self.case.protocol.name(),
            connections: self.case.connections,
            workers: self.case.workers,
            requests_per_second: middle(|turn| turn.requests_per_second),
            cpu_micros_per_request: middle(|turn| turn.cpu_micros),
            user_micros_per_request: middle(|turn| turn.cpu_micros * turn.user_share),
            system_micros_per_request: middle(|turn| turn.cpu_micros * (1.0 - turn.user_share)),
            p50_micros: middle(|turn| turn.p50_micros),
            p99_micros: middle(|turn| turn.p99_micros),
            ratio_to_nginx: ratio_to("nginx"),
            ratio_to_floor: ratio_to("floor"),
            rounds: self.turns.len(),
            spread_percent: spread_percent(&each(|turn| turn.cpu_micros)),
            utilisation_percent: 100.0 * utilisation,
            client_micros_per_request: self.client_micros(),
            saturated: utilisation >= SATURATED,
        })
    }

    /// Why there is no row.
    pub fn why_skipped(&self) -> Option<Skipped> {
        Some(Skipped {
            server: self.server.clone(),
            protocol: self.case.protocol.name(),
            connections: self.case.connections,
            workers: self.case.workers,
            reason: self.skipped.clone()?,
        })
    }

    fn client_micros(&self) -> Option<f64> {
        let known: Vec<_> = self.turns.iter().filter_map(|(_, turn)| turn.client_micros).collect();
        (!known.is_empty()).then(|| median(&known))
    }

    fn costs(&self) -> Vec<(usize, f64)> {
        self.turns.iter().map(|(round, turn)| (*round, turn.cpu_micros)).collect()
    }
}

#[cfg(test)]
mod tests;
