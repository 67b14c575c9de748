//! Why a pod can't start, where the cluster says so.

use headroom_core::{PodState, Trouble};

use super::state::server_statuses;
use super::wire::{Condition, ContainerStatus, Waiting, Wire};

/// Longest message kept, in bytes.
const MESSAGE: usize = 256;
/// A server that has not been ready since it was restarted so often goes in circles, also while it happens to run.
const RESTARTS: u32 = 2;

/// What keeps this pod from starting, and what the cluster says about it.
pub(super) fn trouble(pod: &Wire, state: PodState) -> Option<(Trouble, String)> {
    if !matches!(state, PodState::Starting | PodState::NotReady) {
        return None;
    }
    unscheduled(pod).or_else(|| waiting(pod)).or_else(|| circling(pod, state))
}

fn unscheduled(pod: &Wire) -> Option<(Trouble, String)> {
    let refused = |condition: &&Condition| {
        condition.status == "False" && condition.reason.as_deref() == Some("Unschedulable")
    };
    let condition = pod.condition("PodScheduled").filter(refused)?;
    Some((Trouble::Unschedulable, message("Unschedulable", condition.message.as_deref())))
}

/// The first container that can't go on; those that run before the others first.
fn waiting(pod: &Wire) -> Option<(Trouble, String)> {
    let before = pod.status.init_container_statuses.iter().flatten();
    before.chain(pod.container_statuses()).filter_map(ContainerStatus::waiting).find_map(|waiting| {
        let Waiting { reason, message: said } = waiting;
        let reason = reason.as_deref()?;
        Some((named(reason)?, message(reason, said.as_deref())))
    })
}

fn named(reason: &str) -> Option<Trouble> {
    match reason {
        "CrashLoopBackOff" => Some(Trouble::CrashLoop),
        "ImagePullBackOff" | "ErrImagePull" | "ErrImageNeverPull" | "InvalidImageName"
        | "ImageInspectError" => Some(Trouble::ImagePull),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(Trouble::CreateFailed)
        }
        _ => None,
    }
}

fn circling(pod: &Wire, state: PodState) -> Option<(Trouble, String)> {
    let restarts = server_statuses(pod).map(|status| status.restart_count).max().unwrap_or_default();
    let circles = state == PodState::Starting && restarts >= RESTARTS;
    circles.then(|| (Trouble::CrashLoop, format!("restarted {restarts} times, and not ready since")))
}

/// Some of what was said, without control characters: it ends up in logs and in the status.
fn message(reason: &str, said: Option<&str>) -> String {
    let said = said.unwrap_or_default().chars().take(MESSAGE).filter(|c| !c.is_control());
    let mut text = format!("{reason}: {}", said.collect::<String>());
    text.truncate(text.floor_char_boundary(MESSAGE));
    text.truncate(text.trim_end_matches([' ', ':']).len());
    text
}
