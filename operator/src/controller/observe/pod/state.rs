//! Where a pod is in its life.
//!
//! A pod whose Ready condition is false was ready before if the condition became false *after* the server's container
//! was started: the kubelet writes the first "not ready" before it starts any container, and the next one when the pod
//! stops being ready. So a container that was restarted starts anew (its connections ended with it), while a pod that
//! runs and turned unready keeps its load. Both times are written by the same kubelet, in whole seconds: a pod that was
//! ready for less than a second may pass for one that never was.

use headroom_core::PodState;
use jiff::Timestamp;

use super::address;
use super::wire::{ContainerStatus, Wire};

/// The state of this pod.
pub(super) fn state(pod: &Wire) -> PodState {
    let ready = pod.condition("Ready");
    if matches!(pod.status.phase.as_deref(), Some("Failed" | "Succeeded")) {
        PodState::Failed
    } else if pod.metadata.deletion_timestamp.is_some() {
        PodState::Terminating
    } else if ready.is_some_and(|ready| ready.status == "True") {
        PodState::Ready
    } else {
        let unready_since = ready.and_then(|ready| ready.last_transition_time.as_ref());
        let was_ready = unready_since.zip(started_at(pod)).is_some_and(|(since, started)| since.0 > started);
        if was_ready { PodState::NotReady } else { PodState::Starting }
    }
}

/// When the pod became ready; `None` while it is not.
pub(super) fn ready_at(pod: &Wire) -> Option<Timestamp> {
    let ready = pod.condition("Ready").filter(|ready| ready.status == "True")?;
    ready.last_transition_time.as_ref().map(|time| time.0)
}

/// Whether the server's process runs, as far as that is told.
pub(super) fn runs(pod: &Wire) -> bool {
    let untold = pod.container_statuses().is_empty();
    let ready = pod.condition("Ready").is_some_and(|ready| ready.status == "True");
    (untold && ready) || server_statuses(pod).any(|status| status.running().is_some())
}

/// When the server's process began; of several containers, none of which is known to be the server, the one that runs
/// longest. `None` when nothing runs.
fn started_at(pod: &Wire) -> Option<Timestamp> {
    if pod.container_statuses().is_empty() {
        return pod.status.start_time.as_ref().map(|time| time.0);
    }
    let running = server_statuses(pod).filter_map(ContainerStatus::running);
    running.filter_map(|running| running.started_at.as_ref()).map(|time| time.0).min()
}

/// Statuses of the containers that may be the server.
pub(super) fn server_statuses(pod: &Wire) -> impl Iterator<Item = &ContainerStatus> {
    let server = address::server(pod).map(|container| container.name.as_str());
    pod.container_statuses().iter().filter(move |status| server.is_none_or(|name| status.name == name))
}
