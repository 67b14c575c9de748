//! What the run folder remembers of the cluster as a whole.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::identity::ProcessIdentity;
use super::place::{Place, write};

/// What a cluster is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Processes of this machine, in network namespaces.
    Local,
    /// Docker containers.
    Kind,
}

/// How far a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// It was begun; a crash may have left it so.
    Starting,
    /// Its nodes were ready.
    Ready,
}

/// A cluster of this checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What it is made with.
    pub provider: Provider,
    /// How far it is.
    pub phase: Phase,
    /// Names of the nodes that take pods.
    pub nodes: Vec<String>,
    /// Where kubectl, helm and kubeconform lie.
    pub programs: Vec<PathBuf>,
    /// The process with whose end it ends; none: it is kept until `down`.
    pub owner: Option<ProcessIdentity>,
}

impl State {
    /// The state of the cluster at this place. `None`: there is no cluster.
    pub fn load(place: &Place) -> anyhow::Result<Option<Self>> {
        let file = file(place);
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .with_context(|| format!("{} is no state", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("can't read {}", file.display())),
        }
    }

    /// Writes it down, so that a crash leaves the old one or the new one.
    pub fn save(&self, place: &Place) -> anyhow::Result<()> {
        let (file, unfinished) = (file(place), place.file("cluster.json.unfinished"));
        write(&unfinished, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&unfinished, &file).with_context(|| format!("can't write {}", file.display()))
    }

    /// Whether it belongs to a process that still runs, other than this one.
    pub fn is_in_use(&self) -> bool {
        self.owner.is_some_and(|owner| owner.is_alive() && Some(owner) != ProcessIdentity::own())
    }
}

fn file(place: &Place) -> PathBuf {
    place.file("cluster.json")
}
