//! What a pass does for a bundled workload: its objects, and the workers inside its pods.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use headroom_api::ScaledService;
use headroom_core::balance::{Carrier, Order};
use headroom_core::{Decision, Observation, PodState};
use tokio::time::Instant;

use super::TICK;
use super::context::Context;
use super::findings::{Acknowledged, Standing, Unapplied};
use super::memory::Memory;
use super::observe::Server;
use super::workload::runtime::{Runs, Way};
use super::workload::{ApplyError, Owned, Trouble, Writer, connections};

/// A passing trouble with the objects is told once it has lasted so long.
const LASTING: Duration = Duration::from_secs(10);
/// End of a look that tells servers their worker count: a little before the next one is due.
const LOOK: Duration = TICK.saturating_sub(Duration::from_millis(100));
/// The time to tell servers that is left however long the look has taken: a slow API server must not keep all of them
/// on an old count.
const LEAST: Duration = Duration::from_millis(200);

/// The time for orders about connections, which nobody waits for.
const ORDERS: Duration = Duration::from_secs(2);

/// Brings the objects up to date, where we lead. What goes wrong beside a Deployment that can be scaled does not end
/// the pass: a service under load is sized whatever is refused.
pub(super) async fn apply(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
) -> Result<Option<Unapplied>, Standing> {
    let now = Instant::now();
    let Some(owned) = Owned::of(service) else { return Ok(release(cx, service, memory, now).await) };
    // Without the keys the pods would be replaced as soon as they are known.
    if !cx.leadership.may_write(now) || !cx.knows_issuer() {
        return Ok(None);
    }
    let defaults = cx.workload_defaults();
    let writer = Writer { client: &cx.client, leadership: &cx.leadership };
    let kept = memory.upkeep.keep(writer, &owned, service.metadata.generation, &defaults, now).await;
    if let Some(error) = memory.upkeep.failure_of(now) {
        tracing::debug!(service = owned.name, %error, "the objects were not applied");
        cx.metrics.write_errors.count(&["workload", error.cause()]);
    }
    match kept {
        Ok(trouble) => Ok(trouble.and_then(|trouble| worth_telling(trouble, now))),
        Err(ApplyError::Invalid(message)) => Err(Standing::InvalidSpec { message }),
        Err(error) => Err(Standing::WorkloadRefused { message: error.to_string() }),
    }
}

/// The objects of a workload that the service has no more are no longer its own.
async fn release(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
    now: Instant,
) -> Option<Unapplied> {
    if !cx.leadership.may_write(now) {
        return None;
    }
    memory.upkeep.forget();
    let writer = Writer { client: &cx.client, leadership: &cx.leadership };
    let error = memory.release.keep(writer, service, now).await.err()?;
    tracing::debug!(service = service.metadata.name, %error, "former objects are still owned");
    (!error.is_passing()).then(|| Unapplied::Refused { message: error.to_string() })
}

/// A conflict, or an API server that is away for a moment, is no news.
fn worth_telling(trouble: Trouble, now: Instant) -> Option<Unapplied> {
    let Trouble { error, since } = trouble;
    let message = error.to_string();
    if !error.is_passing() {
        return Some(Unapplied::Refused { message });
    }
    (now.duration_since(since) >= LASTING).then_some(Unapplied::Unavailable { message })
}

/// Tells the servers how many workers to run, in what is left of the look.
pub(super) async fn push_workers(
    cx: &Context,
    service: &ScaledService,
    memory: &mut Memory,
    decision: &Decision,
) -> Option<Acknowledged> {
    let (owned, wanted, tokens) = (Owned::of(service)?, decision.workers?, cx.tokens.as_ref()?);
    let runs = |server: Server| Runs { pod: server.pod, admin: server.admin, workers: server.workers };
    let servers: Vec<_> = memory.attention.servers().map(runs).collect();
    let way = Way {
        port: cx.port.as_ref(),
        sockets: &cx.sockets,
        tokens,
        leadership: &cx.leadership,
        until: (memory.look_began() + LOOK).max(Instant::now() + LEAST),
    };
    let pushed = memory.pushes.push(way, &owned.audience(), wanted, &servers).await;
    if let Some(trouble) = &pushed.trouble {
        tracing::debug!(service = owned.name, %trouble, "a server did not take its worker count");
    }
    Some(pushed.acknowledged)
}

/// Tells pods with more than their share of the connections to end some. By a task of its own: nothing waits for it, and
/// what fails is told again, if need be, at a later look.
pub(super) fn balance(cx: &Arc<Context>, service: &ScaledService, memory: &mut Memory, seen: &Observation) {
    let Some(owned) = Owned::of(service).filter(|_| cx.tokens.is_some()) else { return };
    let servers: BTreeMap<String, Server> =
        memory.attention.servers().map(|server| (server.pod.clone(), server)).collect();
    let ready = seen.pods.iter().filter(|pod| pod.state == PodState::Ready);
    let connections = |pod: &str| servers.get(pod).and_then(|server| server.connections);
    let carriers: Vec<_> =
        ready.map(|pod| Carrier { pod: &pod.name, connections: connections(&pod.name) }).collect();
    let orders = memory.balance.orders(&carriers, cx.clock.now());
    if orders.is_empty() {
        return;
    }
    let ends: u32 = orders.iter().map(|order| order.ends).sum();
    cx.metrics.connections_moved.add(&[owned.namespace, owned.name], f64::from(ends));
    let told = |order: Order| Some((servers.get(&order.pod)?.admin, order.at_most));
    let orders: Vec<_> = orders.into_iter().filter_map(told).collect();
    let (cx, audience) = (Arc::clone(cx), owned.audience());
    drop(tokio::spawn(async move { tell_fewer(&cx, &audience, &orders).await }));
}

async fn tell_fewer(cx: &Context, audience: &str, orders: &[(SocketAddr, u32)]) {
    let Some(tokens) = cx.tokens.as_ref() else { return };
    let way = Way {
        port: cx.port.as_ref(),
        sockets: &cx.sockets,
        tokens,
        leadership: &cx.leadership,
        until: Instant::now() + ORDERS,
    };
    if let Some(trouble) = connections::tell(way, audience, orders).await {
        tracing::debug!(service = audience, %trouble, "a server did not take an order about its connections");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::workload::ApplyError;

    #[test]
    fn a_passing_trouble_is_told_once_it_lasts_and_any_other_at_once() {
        let since = Instant::now();
        let (object, message) = ("Service/shop".to_owned(), "said why".to_owned());
        let passing = ApplyError::Unavailable { object: object.clone(), message: message.clone() };
        let refused = ApplyError::Refused { object, message };
        let told = |error: &ApplyError, seconds| {
            worth_telling(Trouble { error: error.clone(), since }, since + Duration::from_secs(seconds))
        };
        assert_eq!(told(&passing, 9), None);
        assert!(matches!(told(&passing, 10), Some(Unapplied::Unavailable { .. })));
        assert!(
            matches!(told(&refused, 0), Some(Unapplied::Refused { message }) if message.contains("said why"))
        );
    }
}
