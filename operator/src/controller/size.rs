//! READ: the size of a target: as it is now, or as it was a moment ago where nothing hints at a change.

use std::time::Duration;

use headroom_api::{Mode, ScaledService};
use headroom_core::{Decision, Observation};
use kube::ResourceExt;
use tokio::time::Instant;

use super::context::Context;
use super::findings::{Standing, Target, TargetName};
use super::memory::Memory;
use super::pass::living;
use super::target::ScaleError;

/// Time between two reads of the size of a service that is calm.
const ASK_CALM: Duration = Duration::from_secs(5);

/// The target's selector, to know which pods to look at: as last read, where it was read.
pub(super) async fn read_target(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
) -> Result<Target, Standing> {
    let name = TargetName::of(service);
    if let Some(target) = memory.target.as_ref().filter(|target| target.name == name) {
        return Ok(target.clone());
    }
    fresh_target(cx, service, memory).await
}

async fn fresh_target(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
) -> Result<Target, Standing> {
    memory.target_asked = Some(Instant::now());
    let (namespace, name) = (service.namespace().unwrap_or_default(), TargetName::of(service));
    match cx.scales.read(&namespace, &name).await {
        Ok(target) => {
            if memory.target.as_ref().is_some_and(|before| before.uid != target.uid) {
                // Another object of the same name: what was learned of the old one says nothing about it.
                memory.forget_target();
            }
            memory.target = Some(target.clone());
            Ok(target)
        }
        Err(error @ (ScaleError::NotFound(..) | ScaleError::NoScale(_))) => {
            memory.forget_target();
            // Applied again at once: it may be ours, and deleted by hand.
            memory.upkeep.forget();
            Err(Standing::TargetNotFound { message: cx.missing(service, &error) })
        }
        Err(error) => Err(Standing::ScaleUnreadable { message: error.to_string() }),
    }
}

/// How a size is known.
pub(super) enum Read {
    /// It was read just now.
    Now,
    /// It was read a moment ago, and nothing hints at a change since.
    Lately,
    /// It can't be read, and this is why.
    Failed(String),
}

/// The target as last read, if that was lately and nothing hints at a change: a size that is set makes or ends pods, which
/// are watched. Thousands of calm services need not be read each second for the one that somebody sets by hand.
pub(super) fn lately(memory: &Memory, service: &ScaledService, seen: &Observation) -> Option<Target> {
    let recent = memory.target_asked.is_some_and(|asked| asked.elapsed() < ASK_CALM);
    let target = memory.target.as_ref().filter(|target| recent && target.name == TargetName::of(service))?;
    (living(seen) == target.replicas as usize).then(|| target.clone())
}

/// The target as it is now; where it can't be read, as it was last known, and why. For what pods say must be taken in
/// at every tick: who stops thinking while the API server is away has forgotten the load when it is back.
pub(super) async fn target_now(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
) -> Result<(Target, Read), Standing> {
    match fresh_target(cx, service, memory).await {
        Ok(target) => Ok((target, Read::Now)),
        Err(Standing::ScaleUnreadable { message }) => match &memory.target {
            Some(known) if known.name == TargetName::of(service) => {
                Ok((known.clone(), Read::Failed(message)))
            }
            _ => Err(Standing::ScaleUnreadable { message }),
        },
        Err(standing) => Err(standing),
    }
}

/// What is to be written is written on what was read just now. `None`: another size was set since it was read, so this
/// decision is about nothing.
pub(super) async fn before_write(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
    (known, read): (Target, Read),
    decision: &Decision,
) -> Result<Option<(Target, Read)>, Standing> {
    let changes = decision.target_replicas.0 != known.replicas;
    let writes = service.spec.mode == Mode::Active && cx.leadership.may_write(Instant::now());
    if !(matches!(read, Read::Lately) && changes && writes) {
        return Ok(Some((known, read)));
    }
    let (target, read) = target_now(cx, service, memory).await?;
    let same = target.uid == known.uid && target.replicas == known.replicas;
    Ok(same.then_some((target, read)))
}
