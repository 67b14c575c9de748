//! Where servers are started: on which CPUs, with which files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::case::{Case, Protocol};
use super::certificate::Certificate;
use super::client;
use super::cpus::Cpus;
use super::peer::{ANSWER, JSON, Peer, Setup};
use super::process::{Running, free_address};

/// What all servers share that are started for a measurement.
#[derive(Debug)]
pub struct Site {
    pub cpus: Cpus,
    /// For their files.
    folder: PathBuf,
    /// Where the peers that are built for this are.
    built: PathBuf,
    certificate: Certificate,
}

impl Site {
    /// A site for `cases`, with files in `folder`. As many descriptors as the hard limit allows may be open from now on.
    pub fn new(folder: &Path, built: PathBuf, cases: &[Case]) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
        raise_descriptors();
        // An absolute path: servers look for files in their own places.
        let folder = fs::canonicalize(folder)?;
        let certificate = if cases.iter().any(|case| case.protocol.encrypted()) {
            Certificate::make(&folder)?
        } else {
            Certificate::default()
        };
        Ok(Self { cpus: Cpus::allowed()?, folder, built, certificate })
    }

    /// A server that has answered as it should, frozen.
    pub fn start(&self, case: Case, server: &Peer) -> anyhow::Result<Running> {
        let folder = self.folder.join(server.to_string());
        fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let address = free_address()?;
        let Certificate { certificate, key } = &self.certificate;
        let setup =
            Setup { case, address, folder: &folder, built: &self.built, certificate: (certificate, key) };
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

/// The servers inherit it.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // With fewer, opening connections fails and says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
