//! READ and WRITE: what was learned of a service, so that an upgrade or a crash of every replica forgets nothing.

use std::time::Duration;

use headroom_api::events::EventReason;
use headroom_api::{ScaledService, ScaledServiceCheckpoint};
use headroom_core::State;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use tokio::time::Instant;

use super::FIELD_MANAGER;
use super::context::Context;
use super::findings::Standing;
use super::memory::Memory;
use super::report::events::NewEvent;
use super::target::in_full;

/// Time between two writes.
const EVERY: Duration = Duration::from_secs(60);

/// Before the first decision: takes up what was learned before, if anything was. Without an answer there is no
/// decision, for it would be made without what is known.
pub async fn resume(cx: &Context, service: &ScaledService, memory: &mut Memory) -> Result<(), Standing> {
    if memory.resumed {
        return Ok(());
    }
    let found = api(cx, service).get_opt(&service.name_any()).await;
    let found = found.map_err(|error| Standing::ScaleUnreadable {
        message: format!("the ScaledServiceCheckpoint can't be read: {}", in_full(&error)),
    })?;
    // One of an earlier service of this name is about another target.
    let ours = |found: &ScaledServiceCheckpoint| {
        found.owner_references().iter().any(|owner| Some(&owner.uid) == service.uid().as_ref())
    };
    if let Some(found) = found.filter(ours) {
        match state_of(&found) {
            Ok(state) => {
                memory.state = state;
                let note = format!("what was learned until {} is used again", found.spec.saved_at.0);
                memory.news.push(NewEvent::new(EventReason::CheckpointRestored, "", note));
            }
            Err(error) => {
                let note = format!("the checkpoint is not understood, what it held is learned anew: {error}");
                memory.news.push(NewEvent::new(EventReason::CheckpointIgnored, "", note));
            }
        }
    }
    memory.resumed = true;
    Ok(())
}

fn state_of(checkpoint: &ScaledServiceCheckpoint) -> anyhow::Result<State> {
    Ok(State::resume(serde_json::from_str(&checkpoint.spec.learned)?)?)
}

/// Writes what was learned, once a minute at most; a failure is tried again a minute later.
pub async fn save(cx: &Context, service: &ScaledService, memory: &mut Memory) {
    let now = Instant::now();
    if memory.saved.is_some_and(|saved| now.duration_since(saved) < EVERY) {
        return;
    }
    memory.saved = Some(now);
    match write(cx, service, &memory.state).await {
        Ok(()) => cx.metrics.writes.count(&["scaledservicecheckpoints", "patch"]),
        Err(error) => {
            tracing::warn!(service = service.name_any(), %error, "the checkpoint was not written");
            cx.metrics.write_errors.count(&["scaledservicecheckpoints", "Failed"]);
        }
    }
}

async fn write(cx: &Context, service: &ScaledService, state: &State) -> anyhow::Result<()> {
    let (name, learned) = (service.name_any(), state.learned());
    let checkpoint = json!({
        "apiVersion": ScaledServiceCheckpoint::api_version(&()),
        "kind": ScaledServiceCheckpoint::kind(&()),
        "metadata": { "name": name, "ownerReferences": [service.controller_owner_ref(&())] },
        "spec": {
            "savedAt": cx.clock.now(),
            "stateVersion": learned.version(),
            "learned": serde_json::to_string(&learned)?,
        },
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api(cx, service).patch(&name, &params, &Patch::Apply(checkpoint)).await?;
    Ok(())
}

fn api(cx: &Context, service: &ScaledService) -> Api<ScaledServiceCheckpoint> {
    Api::namespaced(cx.client.clone(), &service.namespace().unwrap_or_default())
}
