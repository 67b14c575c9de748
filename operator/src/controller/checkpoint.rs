//! READ and WRITE: what was learned of a service, so that an upgrade or a crash of every replica forgets nothing.

use std::time::Duration;

use headroom_api::events::EventReason;
use headroom_api::{ScaledService, ScaledServiceCheckpoint};
use headroom_core::State;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use tokio::time::Instant;

use super::FIELD_MANAGER;
use super::context::Context;
use super::findings::{Standing, TargetName};
use super::memory::Memory;
use super::report::events::NewEvent;
use super::target::in_full;

/// Time between two writes.
const EVERY: Duration = Duration::from_secs(60);
/// A service whose checkpoint can't be read waits so long for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The checkpoint that a write replaces: another one, or one that changed since, is not written over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    uid: Option<String>,
    resource_version: Option<String>,
}

impl Stored {
    fn of(meta: &ObjectMeta) -> Self {
        Self { uid: meta.uid.clone(), resource_version: meta.resource_version.clone() }
    }
}

/// Why a checkpoint was not written.
#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error(transparent)]
    Refused(#[from] kube::Error),
    #[error("it can't be put into words: {0}")]
    Unspeakable(#[from] serde_json::Error),
    #[error("the lease ran out meanwhile")]
    LeaseOver,
}

impl SaveError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(kube::Error::Api(status)) if status.code == 409)
    }
}

/// Before the first decision: takes up what was learned before, if anything was. Without an answer there is no
/// decision for half a minute, for it would be made without what is known; but no service waits for ever.
pub async fn resume(cx: &Context, service: &ScaledService, memory: &mut Memory) -> Result<(), Standing> {
    if memory.resumed {
        return Ok(());
    }
    match api(cx, service).get_opt(&service.name_any()).await {
        Ok(Some(found)) => take_up(service, memory, &found),
        Ok(None) => {}
        // As with a definition of another version: it will not be another answer later.
        Err(kube::Error::SerdeError(error)) => ignored(memory, &format!("is not understood: {error}")),
        Err(error) => {
            let error = in_full(&error);
            if !is_past_patience(cx, service, memory).await {
                let message = format!("the ScaledServiceCheckpoint can't be read: {error}");
                return Err(Standing::ScaleUnreadable { message });
            }
            ignored(memory, &format!("can't be read for {} s: {error}", PATIENCE.as_secs()));
        }
    }
    memory.resumed = true;
    Ok(())
}

/// While the API server is away as a whole nothing is lost by waiting: no size can be written either.
async fn is_past_patience(cx: &Context, service: &ScaledService, memory: &mut Memory) -> bool {
    let now = Instant::now();
    let since = *memory.resuming.get_or_insert(now);
    let namespace = service.namespace().unwrap_or_default();
    now.duration_since(since) >= PATIENCE
        && cx.scales.read(&namespace, &TargetName::of(service)).await.is_ok()
}

fn take_up(service: &ScaledService, memory: &mut Memory, found: &ScaledServiceCheckpoint) {
    memory.checkpoint = Some(Stored::of(&found.metadata));
    // One of an earlier service of this name is about another target.
    if !found.owner_references().iter().any(|owner| Some(&owner.uid) == service.uid().as_ref()) {
        return;
    }
    match state_of(found) {
        Ok(state) => {
            memory.state = state;
            let note = format!("what was learned until {} is used again", found.spec.saved_at.0);
            memory.news.push(NewEvent::new(EventReason::CheckpointRestored, "", note));
        }
        Err(error) => ignored(memory, &format!("is not understood: {error}")),
    }
}

fn ignored(memory: &mut Memory, why: &str) {
    let note = format!("what the checkpoint held is learned anew: it {why}");
    memory.news.push(NewEvent::new(EventReason::CheckpointIgnored, "", note));
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
    let mut written = write(cx, service, memory).await;
    if written.as_ref().is_err_and(SaveError::is_conflict) {
        // The leader before us wrote since: what it learned is in our memory too, for we looked at the same pods.
        written = write(cx, service, memory).await;
    }
    match written {
        Ok(()) => cx.metrics.writes.count(&["scaledservicecheckpoints", "patch"]),
        Err(error) => {
            tracing::warn!(service = service.name_any(), %error, "the checkpoint was not written");
            cx.metrics.write_errors.count(&["scaledservicecheckpoints", "Failed"]);
        }
    }
}

/// Writes over the object that is known, or else over the one that is there. What is known is good for one write.
async fn write(cx: &Context, service: &ScaledService, memory: &mut Memory) -> Result<(), SaveError> {
    let (api, name) = (api(cx, service), service.name_any());
    let known = match memory.checkpoint.take() {
        Some(known) => Some(known),
        None => api.get_metadata_opt(&name).await?.map(|found| Stored::of(&found.metadata)),
    };
    let learned = memory.state.learned();
    let mut checkpoint = json!({
        "apiVersion": ScaledServiceCheckpoint::api_version(&()),
        "kind": ScaledServiceCheckpoint::kind(&()),
        "metadata": { "name": name, "ownerReferences": [service.controller_owner_ref(&())] },
        "spec": {
            "savedAt": cx.clock.now(),
            "stateVersion": learned.version(),
            "learned": serde_json::to_string(&learned)?,
        },
    });
    let mut params = PatchParams::apply(FIELD_MANAGER);
    if let Some(Stored { uid, resource_version }) = known {
        checkpoint["metadata"]["uid"] = json!(uid);
        checkpoint["metadata"]["resourceVersion"] = json!(resource_version);
        params = params.force();
    }
    if !cx.leadership.may_write(Instant::now()) {
        return Err(SaveError::LeaseOver);
    }
    // Only its metadata is answered: what another version of the definition makes of the rest does not matter.
    let written = api.patch_metadata(&name, &params, &Patch::Apply(checkpoint)).await?;
    memory.checkpoint = Some(Stored::of(&written.metadata));
    Ok(())
}

fn api(cx: &Context, service: &ScaledService) -> Api<ScaledServiceCheckpoint> {
    Api::namespaced(cx.client.clone(), &service.namespace().unwrap_or_default())
}
