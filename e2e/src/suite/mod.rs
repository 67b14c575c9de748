//! What a test on a real cluster uses. It knows a kubeconfig and the audit log, and nothing of how the cluster came about.

#![allow(clippy::print_stdout, reason = "tests tell what they measured and what they leave behind")]

mod api;
mod figures;
mod kubectl;
mod load;
mod namespace;
mod proxy;
mod release;
mod service;
mod site;

pub use api::{get, object, objects};
pub use figures::figure;
pub use kubectl::{helm, kubectl, kubectl_with_input};
pub use load::{Load, LoadJob};
pub use namespace::Namespace;
pub use proxy::{Proxy, rule, within};
pub use release::{CONTROLLER_NAMESPACE, Release, controller, running};
pub use service::{Plan, ScaledService};
pub use site::{PODS, Site, Way, assert_no_shrink, without_the_shared_controller, written};

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::cluster::audit::{Entries, Entry};

/// How often something is looked at that is waited for.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until `ready` gives a value; an error of it is only told when time is up.
pub fn until<T>(
    what: &str,
    patience: Duration,
    mut ready: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let began = Instant::now();
    loop {
        let looked = ready();
        if let Ok(Some(value)) = looked {
            return Ok(value);
        }
        if began.elapsed() > patience {
            return match looked {
                Err(error) => Err(error).with_context(|| format!("waited {patience:?} for {what}")),
                _ => bail!("waited {patience:?} for {what}"),
            };
        }
        std::thread::sleep(LOOK);
    }
}

/// Holds for so long that `holds` stays true; the error says when it was not.
pub fn stays(
    what: &str,
    time: Duration,
    mut holds: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < time {
        if !holds()? {
            bail!("{what}: no longer so after {:?}", began.elapsed());
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// The audit log of the cluster.
pub fn audit_log() -> anyhow::Result<PathBuf> {
    let path =
        std::env::var_os("AUDIT_LOG").context("AUDIT_LOG is not set: run the tests with `make e2e`")?;
    Ok(path.into())
}

/// What is written to the API server from now on.
#[derive(Debug)]
pub struct Audit {
    entries: Entries,
    seen: Vec<Entry>,
}

impl Audit {
    /// From now on.
    pub fn from_now() -> anyhow::Result<Self> {
        Ok(Self { entries: Entries::from_now(&audit_log()?)?, seen: Vec::new() })
    }

    /// From the cluster's start on.
    pub fn all() -> anyhow::Result<Self> {
        Ok(Self { entries: Entries::all(&audit_log()?)?, seen: Vec::new() })
    }

    /// Everything answered so far.
    pub fn so_far(&mut self) -> anyhow::Result<&[Entry]> {
        for entry in self.entries.by_ref() {
            let entry = entry?;
            if entry.stage == "ResponseComplete" {
                self.seen.push(entry);
            }
        }
        Ok(&self.seen)
    }

    /// Sizes written in a namespace so far, by whomever, refused ones left out.
    pub fn sizes(&mut self, namespace: &str) -> anyhow::Result<Vec<Entry>> {
        let in_namespace = |entry: &&Entry| entry.object_ref.namespace == namespace && entry.succeeded();
        let sizes =
            self.so_far()?.iter().filter(in_namespace).filter(|entry| entry.replicas_asked().is_some());
        Ok(sizes.cloned().collect())
    }
}
