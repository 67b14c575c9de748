//! READ: from the pods of a service, and what their servers tell, to the core's observation.

mod attention;
mod collect;
#[cfg(test)]
mod fixtures;
mod latency;
mod pod;
mod pods;
mod rota;
pub mod selector;
#[cfg(test)]
mod tests;

pub use attention::{Attention, Server};
pub use pod::{ADMIN_PORT, SeenPod};
pub use pods::{NONE, Pods};

use std::collections::BTreeMap;
use std::sync::Arc;

use headroom_core::units::Replicas;
use headroom_core::{Inventory, Observation, Policy, Trouble};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::AdminPort;

/// What one look starts from.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// Pods asked of the target.
    pub replicas: u32,
    /// Selector of the target's pods, as text.
    pub selector: &'a str,
    /// Pods of the target's namespace.
    pub pods: &'a Pods,
    /// Whether these are known to be recent.
    pub inventory: Inventory,
    /// The time.
    pub now: Timestamp,
}

/// One look at a service: asks the pods whose turn it is, within 700 ms. `sockets` bounds the questions of the whole
/// controller that are under way.
///
/// Where the selector says nothing about the pods, there are none in the observation and the list counts as old, so
/// that nothing shrinks. What only the caller knows (what blocks growth, who changed the size) is left at its default.
pub async fn observe(
    port: &dyn AdminPort,
    sockets: &Semaphore,
    attention: &mut Attention,
    sight: &Sight<'_>,
    policy: &Policy,
) -> Observation {
    let replicas = Replicas(sight.replicas);
    let pods = match selector::parse(sight.selector) {
        Ok(selector) => sight.pods.selected(&selector),
        Err(error) => {
            attention.complain(error);
            return Observation { replicas, inventory: Inventory::Stale, ..Observation::default() };
        }
    };
    attention.attend(&pods);
    attention.troubles = sayings(&pods);
    let [present, absent] = attention.round(&pods, sight.now);
    let replies = collect::collect(port, sockets, present, absent).await;
    let answers = attention.take(&pods, replies, policy, sight.now);
    let observed = pods.iter().zip(answers).map(|(pod, (workers, answer))| pod.observed(workers, answer));
    Observation {
        replicas,
        pods: observed.collect(),
        inventory: sight.inventory,
        latency: attention.latencies.quantiles(policy),
        ..Observation::default()
    }
}

/// What the cluster says about the first pod with each trouble, with the pod's name.
fn sayings(pods: &[Arc<SeenPod>]) -> BTreeMap<Trouble, String> {
    let mut sayings = BTreeMap::new();
    for pod in pods {
        if let Some((trouble, message)) = pod.trouble() {
            sayings.entry(trouble).or_insert_with(|| format!("pod {}: {message}", pod.id()));
        }
    }
    sayings
}
