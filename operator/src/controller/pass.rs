//! One pass over one service: look, think, act. What it found out is a [`Standing`]; telling comes after.

use std::sync::Arc;
use std::time::Duration;

use headroom_api::{Mode, ScaledService};
use headroom_core::observation::{Inventory, Resizer, Shrinking};
use headroom_core::units::Replicas;
use headroom_core::{Decision, Observation, Pod, PodState, Policy, decide};
use kube::ResourceExt;
use tokio::time::Instant;

use super::act::{Tried, Warrant, act};
use super::bundled;
use super::checker::{Written, violations};
use super::checkpoint;
use super::context::Context;
use super::findings::{Decided, Standing, Target, Unapplied};
use super::memory::Memory;
use super::observe::{self, Sight};
use super::size::{Read, before_write, lately, read_target, target_now};
use super::watch::{GuardedService, Snapshot};
use crate::outcome::{Outcome, Refusal};
use crate::validate;

/// Times a size is decided anew in one pass because the target changed meanwhile.
const TRIES: usize = 3;
/// Time between two questions why pods are missing.
const ASK_BLOCKED: Duration = Duration::from_secs(5);
/// Time between two reads of the size of a service that is paused.
const ASK_PAUSED: Duration = Duration::from_secs(5);

/// Looks in a row that pods are missing from the list before it counts as incomplete.
const SHORT_LOOKS: u32 = 3;

/// What a tick gives to each of its passes.
#[derive(Debug, Clone)]
pub struct Tick {
    /// The cluster as it is known.
    pub snapshot: Arc<Snapshot>,
    /// What the whole fleet allows.
    pub shrinking: Shrinking,
}

/// One pass. `None`: the service is left alone for now.
pub async fn pass(
    cx: &Arc<Context>,
    service: &GuardedService,
    tick: &Tick,
    memory: &mut Memory,
) -> Option<Standing> {
    let now = Instant::now();
    memory.look(now);
    if memory.is_quarantined(now) {
        return None;
    }
    Some(look_think_act(cx, service, tick, memory).await.unwrap_or_else(|standing| standing))
}

/// The pass itself; whatever ends it early is an error only in name.
async fn look_think_act(
    cx: &Arc<Context>,
    service: &GuardedService,
    tick: &Tick,
    memory: &mut Memory,
) -> Result<Standing, Standing> {
    let service = service.0.as_ref().map_err(|unread| invalid(&unread.error))?;
    let policy = validate::policy(&service.spec).map_err(|error| invalid(&format!("spec.{error}")))?;
    // The mode and other owners are about the size: the objects are kept up to date whatever they say.
    let unapplied = bundled::apply(cx, service, memory).await?;
    refuse_owned(service, &tick.snapshot)?;
    if service.spec.mode == Mode::Paused {
        return paused(cx, service, memory, unapplied).await;
    }
    let target = read_target(cx, service, memory).await?;
    checkpoint::resume(cx, service, memory).await?;
    let seen = see(cx, service, tick, memory, &policy, &target).await;
    let mut decided = think_and_act(cx, service, memory, &policy, seen).await?;
    decided.unapplied = unapplied;
    decided.stale.clone_from(&tick.snapshot.stale);
    Ok(Standing::Decided(Box::new(finish(cx, service, memory, decided).await)))
}

fn invalid(message: &str) -> Standing {
    Standing::InvalidSpec { message: message.to_owned() }
}

/// In mode Active the size has one owner.
fn refuse_owned(service: &ScaledService, snapshot: &Snapshot) -> Result<(), Standing> {
    if service.spec.mode != Mode::Active {
        return Ok(());
    }
    match snapshot.owners.other_than(service) {
        Some(owner) => Err(Standing::TargetOwned { owner }),
        None => Ok(()),
    }
}

/// Only the size is told, as it is now: it may be set by hand.
async fn paused(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
    unapplied: Option<Unapplied>,
) -> Result<Standing, Standing> {
    if let Some(Unapplied::Refused { message }) = unapplied {
        return Err(Standing::WorkloadRefused { message });
    }
    let now = Instant::now();
    let is_due = memory.target_asked.is_none_or(|asked| now.duration_since(asked) >= ASK_PAUSED);
    let target = if is_due {
        target_now(cx, service, memory).await?.0
    } else {
        read_target(cx, service, memory).await?
    };
    Ok(Standing::Paused { target: Box::new(target) })
}

/// Looks at the pods.
async fn see(
    cx: &Context,
    service: &ScaledService,
    tick: &Tick,
    memory: &mut Memory,
    policy: &Policy,
    target: &Target,
) -> Observation {
    let namespace = service.namespace().unwrap_or_default();
    let sight = Sight {
        replicas: target.replicas,
        selector: &target.selector,
        pods: tick.snapshot.pods(&namespace),
        // A spec, or an autoscaler on the same target, may have changed unseen just as well as the pods.
        inventory: if tick.snapshot.stale.is_empty() { Inventory::Complete } else { Inventory::Stale },
        now: cx.clock.now(),
    };
    let mut seen =
        observe::observe(cx.port.as_ref(), &cx.sockets, &mut memory.attention, &sight, policy).await;
    if lacks_pods(memory, target, &seen) {
        seen.inventory = Inventory::Stale;
    }
    seen.shrinking = tick.shrinking;
    seen.blocked = blocked(cx, &namespace, target, memory, &seen).await;
    seen
}

/// Whether pods are missing from the list that the target's own controller counts: it is incomplete, however recent it
/// is. Both lag behind each other while pods come and go, so it takes a few looks.
fn lacks_pods(memory: &mut Memory, target: &Target, seen: &Observation) -> bool {
    memory.short = if living(seen) < target.counted as usize { memory.short.saturating_add(1) } else { 0 };
    memory.short >= SHORT_LOOKS
}

/// Pods that count for the target's own controller.
pub(super) fn living(seen: &Observation) -> usize {
    let lives = |pod: &&Pod| !matches!(pod.state, PodState::Terminating | PodState::Failed);
    seen.pods.iter().filter(lives).count()
}

/// What refuses further pods, asked where pods are missing.
async fn blocked(
    cx: &Context,
    namespace: &str,
    target: &Target,
    memory: &mut Memory,
    seen: &Observation,
) -> Option<String> {
    if living(seen) >= target.replicas as usize {
        memory.blocked = (None, None);
        return None;
    }
    let now = Instant::now();
    if memory.blocked.1.is_none_or(|asked| now.duration_since(asked) >= ASK_BLOCKED) {
        memory.blocked.1 = Some(now);
        if let Ok(blocked) = cx.scales.creation_refused(namespace, &target.name).await {
            memory.blocked.0 = blocked;
        }
    }
    memory.blocked.0.clone()
}

/// Decides on the size as it is now, and writes it; where the target changed in between, again. While the size can't be
/// read the last one known is decided on, so that nothing is missed, and nothing is written.
async fn think_and_act(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
    policy: &Policy,
    mut seen: Observation,
) -> Result<Decided, Standing> {
    let mut decided = None;
    let mut known = lately(memory, service, &seen);
    for _ in 0..TRIES {
        let (target, read) = match known.take() {
            Some(target) => (target, Read::Lately),
            None => target_now(cx, service, memory).await?,
        };
        let now = Instant::now();
        seen.replicas = Replicas(target.replicas);
        if matches!(read, Read::Now) {
            seen.resized_by = memory.contest.notice(target.replicas, cx.leadership.may_write(now), now);
        }
        let decision = think(cx, memory, policy, &seen)?;
        let Some((target, read)) = before_write(cx, service, memory, (target, read), &decision).await? else {
            continue;
        };
        let outcome = match read {
            Read::Now | Read::Lately => write(cx, service, memory, &target, &seen, &decision, now).await,
            Read::Failed(message) => Some(Outcome::Refused(Refusal::Unread { message })),
        };
        let stale = outcome.is_none();
        let outcome = outcome.unwrap_or(Outcome::Refused(Refusal::Conflict));
        let observation = seen.clone();
        decided = Some(Decided {
            target,
            observation,
            troubles: memory.attention.troubles.clone(),
            decision,
            outcome,
            resized_by: None,
            stale: Vec::new(),
            unapplied: None,
            workers: None,
        });
        if !stale {
            break;
        }
    }
    let decided = decided.ok_or_else(|| invalid("nothing was decided"))?;
    if !matches!(decided.outcome, Outcome::Unchanged | Outcome::ObserveOnly | Outcome::Standby) {
        memory.target_asked = None;
    }
    memory.wants_fewer = decided.decision.target_replicas.0 < decided.target.replicas;
    Ok(decided)
}

fn think(
    cx: &Context,
    memory: &mut Memory,
    policy: &Policy,
    seen: &Observation,
) -> Result<Decision, Standing> {
    let (began, at) = (std::time::Instant::now(), cx.clock.now());
    let decision = memory.think(Instant::now(), |state| decide(policy, state, seen, at));
    let decision = decision.ok_or_else(Standing::quarantined)?;
    cx.metrics.decide_duration.observe(began.elapsed().as_secs_f64());
    memory.attention.ask = decision.ask;
    Ok(decision)
}

/// Writes the size; `None` when the target changed since it was read.
async fn write(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
    target: &Target,
    seen: &Observation,
    decision: &Decision,
    decided_at: Instant,
) -> Option<Outcome> {
    let namespace = service.namespace().unwrap_or_default();
    let warrant = Warrant {
        namespace: &namespace,
        target,
        mode: service.spec.mode,
        least: service.spec.min_replicas,
        decided_at,
        shrinks_again: memory.wants_fewer,
    };
    match act(&cx.scales, &cx.leadership, &mut memory.contest, &warrant, decision).await {
        Tried::Stale => None,
        Tried::Done(outcome) => Some(outcome),
        Tried::Written(sent) => {
            let (from, to) = (target.replicas, decision.target_replicas.0);
            let on = (target.uid.clone(), target.resource_version.clone());
            let written = Written {
                spec: &service.spec,
                seen,
                sizes: (from, to),
                decision_age: sent.at.duration_since(decided_at),
                lease_left: sent.lease_until.and_then(|until| until.checked_duration_since(sent.at)),
                since_gap: sent.at.duration_since(memory.gap),
                on_own_write: memory.written_on.as_ref() == Some(&on),
            };
            memory.written_on = Some(on);
            tell_violations(cx, service, &written);
            cx.metrics.writes.count(&["scale", "patch"]);
            cx.metrics.load_to_write.observe(memory.looked_for(Instant::now()).as_secs_f64());
            Some(Outcome::Scaled { from, to })
        }
    }
}

fn tell_violations(cx: &Context, service: &ScaledService, written: &Written<'_>) {
    for violation in violations(written) {
        tracing::error!(service = service.name_any(), id = violation.id(), "an invariant was broken");
        cx.metrics.invariant_violations.count(&[violation.id()]);
    }
}

/// What comes after the size: who fights it, the workers inside the pods, and what must not be forgotten.
async fn finish(
    cx: &Arc<Context>,
    service: &ScaledService,
    memory: &mut Memory,
    mut decided: Decided,
) -> Decided {
    let namespace = service.namespace().unwrap_or_default();
    if decided.observation.resized_by == Resizer::Other {
        decided.resized_by = cx.scales.other_writer(&namespace, &decided.target.name).await.ok().flatten();
    }
    match &mut decided.outcome {
        Outcome::Refused(Refusal::Contested { manager }) => {
            *manager = cx.scales.other_writer(&namespace, &decided.target.name).await.ok().flatten();
        }
        Outcome::Refused(Refusal::Failed { .. }) => cx.metrics.write_errors.count(&["scale", "Failed"]),
        Outcome::Refused(Refusal::Conflict) => cx.metrics.write_errors.count(&["scale", "Conflict"]),
        _ => {}
    }
    if service.spec.mode == Mode::Active && cx.leadership.may_write(Instant::now()) {
        bundled::balance(cx, service, memory, &decided.observation);
        decided.workers = bundled::push_workers(cx, service, memory, &decided.decision).await;
        checkpoint::save(cx, service, memory).await;
    }
    decided
}
