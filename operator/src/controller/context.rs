//! What every pass uses.

use std::sync::{Arc, Mutex};

use headroom_api::ScaledService;
use kube::Client;
use tokio::sync::{Semaphore, watch};

use super::findings::TargetName;
use super::fleet::Fleet;
use super::leader::Leadership;
use super::memory::Memories;
use super::port::AdminPort;
use super::report::metrics::Metrics;
use super::target::{ScaleError, Scales};
use super::watch::Cluster;
use super::workload::Defaults;
use super::workload::issuer::Issuer;
use super::workload::token::Tokens;
use crate::clock::Clock;

/// Questions to pods under way at the same time, over all services. No bound on open sockets: the client keeps one idle
/// connection to each pod for three seconds, so one to each pod that is asked at every tick.
pub const MOST_SOCKETS: usize = 256;

/// What every pass uses.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The scale sub-resources.
    pub scales: Scales,
    /// What is known of the cluster.
    pub cluster: Cluster,
    /// Whether we may write.
    pub leadership: Leadership,
    /// The servers in pods.
    pub port: Arc<dyn AdminPort>,
    /// Bounds the questions to them that are under way.
    pub sockets: Semaphore,
    /// Tokens for writes to them; `None` without an account of our own.
    pub tokens: Option<Tokens>,
    /// Who signs those tokens, once known.
    pub issuer: watch::Receiver<Issuer>,
    /// The time of day.
    pub clock: Clock,
    /// What is remembered of each service.
    pub memories: Memories,
    /// What all services need together.
    pub fleet: Mutex<Fleet>,
    /// What a workload gets that its object does not say, but for the issuer.
    pub defaults: Defaults,
    /// Figures.
    pub metrics: Arc<Metrics>,
}

impl Context {
    /// What a workload gets that its object does not say, as of now.
    pub fn workload_defaults(&self) -> Defaults {
        Defaults { verifier: self.issuer.borrow().verifier().cloned(), ..self.defaults.clone() }
    }

    /// Whether it is known by which keys servers recognise us, or that none will be.
    pub fn knows_issuer(&self) -> bool {
        self.awaited().is_none()
    }

    /// What to say where the target of a service does not exist. That of a workload is ours to create.
    pub fn missing(&self, service: &ScaledService, error: &ScaleError) -> String {
        if service.spec.workload.is_none() {
            return error.to_string();
        }
        let target = TargetName::of(service);
        match self.awaited() {
            Some(awaited) => format!("{target} is not created yet: {awaited}"),
            None => format!("{target} does not exist yet: it is created at the next look"),
        }
    }

    fn awaited(&self) -> Option<String> {
        self.tokens.as_ref().and_then(|_| self.issuer.borrow().awaited())
    }
}
