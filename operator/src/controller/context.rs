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

    /// What to say of a target that does not exist.
    pub fn missing(&self, service: &ScaledService, error: &ScaleError) -> String {
        missing(service, error, self.awaited().as_deref())
    }

    fn awaited(&self) -> Option<String> {
        self.tokens.as_ref().and_then(|_| self.issuer.borrow().awaited())
    }
}

/// That of a workload is ours to create: the user is not told to.
fn missing(service: &ScaledService, error: &ScaleError, awaited: Option<&str>) -> String {
    let target = TargetName::of(service);
    match (&service.spec.workload, awaited) {
        (None, _) => error.to_string(),
        (Some(_), Some(awaited)) => format!("{target} is not created yet: {awaited}"),
        (Some(_), None) => format!("{target} does not exist yet: it is created at the next look"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::report::fixtures::service;
    use serde_json::json;

    #[test]
    fn the_target_of_a_workload_is_not_the_users_to_create() {
        let mut service = service("Active");
        let error = ScaleError::NotFound(TargetName::of(&service), "shop".to_owned());
        let text = missing(&service, &error, Some("the keys are not known"));
        assert!(text.contains("correct spec.scaleTargetRef"), "{text}");
        service.spec.scale_target_ref = None;
        service.spec.workload = serde_json::from_value(json!({})).unwrap();
        let text = missing(&service, &error, Some("the keys are not known"));
        assert_eq!(text, "Deployment/orders is not created yet: the keys are not known");
        let text = missing(&service, &error, None);
        assert!(text.starts_with("Deployment/orders does not exist yet"), "{text}");
    }
}
