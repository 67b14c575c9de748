//! From demand and capacity to a size: the fewest pods that carry the demand within the objectives.

use crate::decision::{Reason, ReasonCode};
use crate::estimate::capacity::Capacity;
use crate::estimate::demand::Demand;
use crate::policy::Policy;
use crate::state::Look;
use crate::units::{Rate, Replicas};

/// Workers at least this busy make the rate seen a lower bound of the rate offered.
const SATURATED: f64 = 0.95;
/// Workers that are busy with what must not buy pods don't count: at least this part of the arrivals is demand.
const MOSTLY: f64 = 0.9;
/// With saturated workers and bad answers, so much of the ready capacity is asked for.
const SATURATED_FACTOR: f64 = 1.25;
/// Requests per second below which a service has next to none.
const TRICKLE: f64 = 1.0;
/// Pods are idle below this utilisation of their workers: half of what is safe before anything is known.
const IDLE: f64 = 0.35;
/// Room above `objectives.qps` where `maxReplicas` is left out.
const ROOM: f64 = 1.25;

/// A size on its way through the guards.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) target: Replicas,
    pub(crate) reasons: Vec<Reason>,
}

/// What demand needs, before any guard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Need {
    /// Size that demand needs; `None` while capacity is unknown.
    pub(crate) replicas: Option<Replicas>,
    pub(crate) demand: Rate,
    /// Upper bound of the size.
    pub(crate) max: Replicas,
}

impl Proposal {
    /// Moves the target and says why; nothing is said when it stays.
    pub(crate) fn change(&mut self, to: Replicas, code: ReasonCode, message: impl FnOnce() -> String) {
        if to != self.target {
            self.note(to, code, message());
        }
    }

    /// Moves the target, or confirms it, and says why.
    pub(crate) fn note(&mut self, to: Replicas, code: ReasonCode, message: String) {
        self.reasons.push(Reason { code, from: self.target, to, message });
        self.target = to;
    }
}

/// Sizes the service for its demand. Monotone: at the same capacity more demand never needs fewer pods.
pub(crate) fn size(
    policy: &Policy,
    current: Replicas,
    look: &Look,
    demand: &Demand,
    capacity: Capacity,
) -> (Proposal, Need) {
    let mut proposal = Proposal { target: current, reasons: Vec::new() };
    let Some(per_pod) = capacity.per_pod else {
        return without_capacity(policy, current, look, demand);
    };
    // What is learned about capacity moves a derived bound: it may stop growth, never shrink.
    let promised =
        || Replicas::to_carry(policy.qps().times(ROOM), per_pod).max(policy.min_replicas()).max(current);
    let max = policy.max_replicas().unwrap_or_else(promised);
    let saturated = saturated_demand(look, per_pod);
    let total = demand.total.max(saturated);
    let needed = Replicas::to_carry(total, per_pod);
    let (code, what) = if saturated > demand.total {
        (ReasonCode::Saturated, "the workers are saturated, so at least")
    } else if demand.stepped {
        (ReasonCode::StepDetected, "the load stepped up:")
    } else if policy.reserve() > demand.load {
        (ReasonCode::Reserve, "the reserve asks for")
    } else if demand.trend_rise > Rate::ZERO {
        (ReasonCode::Trend, "by its trend, demand when a new pod is ready is")
    } else {
        (ReasonCode::Demand, "demand is")
    };
    let message =
        || format!("{what} {:.0}/s, at {:.0}/s a pod that needs {needed} pods", total.get(), per_pod.get());
    proposal.change(needed, code, message);
    (proposal, Need { replicas: Some(needed), demand: total, max })
}

/// Before the first requests: the size stays, but for pods that have nothing to do.
fn without_capacity(policy: &Policy, current: Replicas, look: &Look, demand: &Demand) -> (Proposal, Need) {
    let mut proposal = Proposal { target: current, reasons: Vec::new() };
    let max = policy.max_replicas().unwrap_or(current);
    let need = |replicas| Need { replicas, demand: demand.total, max };
    let least = policy.min_replicas();
    if is_idle(policy, look, demand) && least < current {
        let running = look.running;
        let message =
            format!("all of {running} pods told that they do nothing: minReplicas ({least}) are enough");
        proposal.note(least, ReasonCode::Idle, message);
        return (proposal, need(Some(least)));
    }
    let message = "capacity of a pod is not known yet, and there is no capacity.prior: the size stays";
    proposal.note(current, ReasonCode::CapacityUnknown, message.to_owned());
    (proposal, need(None))
}

/// Whether the fewest pods allowed would carry all there is, at whatever cost of a request: every pod has told, hardly
/// any request comes, and the workers of those few would be mostly idle.
fn is_idle(policy: &Policy, look: &Look, demand: &Demand) -> bool {
    let told = look.running > 0 && look.fresh == look.running;
    // A server that has never been busy does not tell that it tells.
    let known = look.available > 0.0 || demand.slow == Rate::ZERO;
    let surely = told && known && !look.blind && policy.reserve() == Rate::ZERO;
    let busy = look.utilization().get() * f64::from(look.running);
    surely && demand.slow.get() <= TRICKLE && busy <= IDLE * f64::from(policy.min_replicas().0)
}

/// What to ask for at least when the workers are saturated and answers are bad.
fn saturated_demand(look: &Look, per_pod: Rate) -> Rate {
    let wanted = look.demand >= MOSTLY * look.offered;
    let saturated = wanted && look.utilization().get() >= SATURATED && look.bad_over_allowed() > 1.0;
    if saturated { per_pod.times(f64::from(look.ready) * SATURATED_FACTOR) } else { Rate::ZERO }
}
