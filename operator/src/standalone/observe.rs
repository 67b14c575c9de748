//! READ: asks every server at once what it has counted, and makes an observation of the answers.

use futures::future::join_all;
use headroom_core::units::{MilliCpu, Replicas};
use headroom_core::{Observation, PodState, Policy};
use headroom_workload::stats::Stats;

use super::fleet::{Fleet, Pod};
use crate::observe::{Fetcher, sample_of};

/// One look at all pods; takes half a second at most.
pub(super) async fn observe(fleet: &Fleet, fetcher: &Fetcher, policy: &Policy) -> Observation {
    let pods = fleet.pods().iter().map(async |pod| {
        let stats = stats_of(pod, fetcher).await;
        observed(pod, stats.as_ref(), policy)
    });
    Observation { replicas: Replicas(fleet.target()), pods: join_all(pods).await, ..Observation::default() }
}

async fn stats_of(pod: &Pod, fetcher: &Fetcher) -> Option<Stats> {
    let admin = pod.admin.filter(|_| pod.state != PodState::Starting)?;
    match fetcher.stats(admin).await {
        Ok(stats) => Some(stats),
        Err(error) => {
            tracing::debug!(pod = pod.life.name, %error, "a server did not tell what it has counted");
            None
        }
    }
}

fn observed(pod: &Pod, stats: Option<&Stats>, policy: &Policy) -> headroom_core::Pod {
    headroom_core::Pod {
        name: pod.life.name.clone(),
        state: pod.state,
        created_at: Some(pod.life.created_at),
        ready_at: pod.life.ready_at,
        revision: stats.map(|stats| stats.revision.clone()).unwrap_or_default(),
        node_class: String::new(),
        cpu: MilliCpu(0),
        workers: stats.map_or(0, |stats| stats.workers),
        trouble: None,
        answer: stats.map(|stats| sample_of(stats, policy)).into(),
    }
}
