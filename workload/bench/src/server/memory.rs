//! Resident memory of an idle keep-alive connection.

use std::fs;

use serde::Serialize;

use super::case::{Case, Protocol};
use super::client::{Client, Plain, Target, request};
use super::process::Running;

/// Connections that are open before the first reading, so that pools and tables are there.
const BEFORE: usize = 64;

/// What connections cost a server.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    pub server: String,
    /// Idle connections that had one exchange each.
    pub connections: usize,
    /// Resident memory with a few connections.
    pub base_bytes: u64,
    /// Resident memory with all of them.
    pub resident_bytes: u64,
    pub bytes_per_connection: f64,
}

/// The case in which memory is measured.
pub fn case(connections: usize) -> Case {
    Case { protocol: Protocol::H1, connections, workers: 1 }
}

/// Measures a server that is running.
pub fn measure(name: String, server: &Running, connections: usize) -> anyhow::Result<Memory> {
    let target = Target { address: server.address(), request: request(Protocol::H1), one_request: false };
    drop(Client::<Plain>::open(target.clone(), BEFORE, ())?);
    let base_bytes = resident_bytes(server)?;
    let clients = Client::<Plain>::open(target, connections, ())?;
    let resident_bytes = resident_bytes(server)?;
    drop(clients);
    let more = resident_bytes.saturating_sub(base_bytes) as f64;
    let bytes_per_connection = more / connections as f64;
    Ok(Memory { server: name, connections, base_bytes, resident_bytes, bytes_per_connection })
}

fn resident_bytes(server: &Running) -> anyhow::Result<u64> {
    let mut sum = 0;
    for pid in super::usage::family(server.pid()) {
        sum += resident_kib(&fs::read_to_string(format!("/proc/{pid}/status"))?).unwrap_or(0) * 1024;
    }
    Ok(sum)
}

fn resident_kib(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    value.trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_found() {
        assert_eq!(resident_kib("VmPeak:\t 9 kB\nVmRSS:\t   4321 kB\n"), Some(4321));
    }
}
