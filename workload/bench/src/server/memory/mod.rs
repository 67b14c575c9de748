//! Resident memory of an idle keep-alive connection.

pub mod command;
mod resident;
mod sources;

use std::fmt;

use anyhow::ensure;
use serde::Serialize;

use self::resident::{open_descriptors, resident_bytes};
use self::sources::sources;
use super::case::{Case, Protocol};
use super::client::{Client, Plain, Route, Target, Tls, Wire, configuration, request};
use super::peer::Peer;
use super::process::Running;
use super::report::Skipped;
use super::site::Site;
use crate::plot::Table;

/// Connections that are open before the first reading, so that pools and tables are there.
const BEFORE: usize = 64;

/// What connections cost a server.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Its name.
    pub server: String,
    /// `h1` or `tls`.
    pub protocol: &'static str,
    /// Idle connections that had one exchange each.
    pub connections: usize,
    /// Resident memory with a few connections.
    pub base_bytes: u64,
    /// Resident memory with all of them.
    pub resident_bytes: u64,
    /// What each of them adds.
    pub bytes_per_connection: f64,
}

/// The case in which memory is measured.
pub(super) fn case(protocol: Protocol, connections: usize) -> Case {
    Case { protocol, connections, workers: 1 }
}

/// Measures a server, which is started for it. Each `turn` has its own addresses of clients, so that ports which are not
/// free again yet are in nobody's way.
pub(super) fn measure(site: &Site, server: &Peer, case: Case, turn: usize) -> anyhow::Result<Memory> {
    let running = site.start(case, server)?;
    running.thaw();
    let (base_bytes, resident_bytes) = match case.protocol {
        Protocol::Tls => readings::<Tls>(&running, case, turn, &configuration()?)?,
        _ => readings::<Plain>(&running, case, turn, &())?,
    };
    let more = resident_bytes.saturating_sub(base_bytes) as f64;
    Ok(Memory {
        server: server.to_string(),
        protocol: case.protocol.name(),
        connections: case.connections,
        base_bytes,
        resident_bytes,
        bytes_per_connection: more / case.connections as f64,
    })
}

/// Why a server was not measured.
pub(super) fn skipped(server: &Peer, case: Case, error: &anyhow::Error) -> Skipped {
    Skipped {
        server: server.to_string(),
        protocol: case.protocol.name(),
        connections: case.connections,
        workers: case.workers,
        reason: format!("memory: {error:#}"),
    }
}

/// The figures, a row each.
pub(super) fn table(rows: &[Memory]) -> Table {
    let head = ["server", "protocol", "connections", "KiB before", "KiB with them", "bytes each"];
    let cells = |memory: &Memory| {
        vec![
            memory.server.clone(),
            memory.protocol.to_owned(),
            memory.connections.to_string(),
            (memory.base_bytes / 1024).to_string(),
            (memory.resident_bytes / 1024).to_string(),
            format!("{:.0}", memory.bytes_per_connection),
        ]
    };
    Table { head: head.map(str::to_owned).to_vec(), rows: rows.iter().map(cells).collect() }
}

/// Resident memory with few connections that were closed again, and with all of them.
fn readings<W>(server: &Running, case: Case, turn: usize, shared: &W::Shared) -> anyhow::Result<(u64, u64)>
where
    W: Wire,
    W::Shared: Clone,
{
    let open = |from, count| {
        let route = Route { from, to: server.address() };
        let target = Target { route, request: request(case.protocol), one_request: false };
        Client::<W>::open(target, count, shared.clone())
    };
    drop(open(None, BEFORE)?);
    let before = resident_bytes(server.pid())?;
    let clients = sources(case.connections, turn)
        .into_iter()
        .map(|(from, count)| open(from, count))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let with_them = resident_bytes(server.pid())?;
    let descriptors = open_descriptors(server.pid())?;
    ensure!(
        descriptors >= case.connections,
        "the server has {descriptors} descriptors: it has closed connections"
    );
    drop(clients);
    Ok((before, with_them))
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, protocol, connections, bytes_per_connection, .. } = self;
        write!(f, "{server:<12} {protocol} {connections}: {bytes_per_connection:.0} bytes each")
    }
}
