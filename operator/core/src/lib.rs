//! The decision: what size a service should have, given everything seen of it.
//!
//! Pure: no clock, no IO, no log (`clippy.toml` beside this crate's manifest bans them). The controller, standalone
//! mode, the simulator and the tests all call the same [`decide`].

mod ask;
pub mod balance;
pub mod decision;
mod estimate;
mod guard;
pub mod observation;
mod plan;
pub mod policy;
pub mod state;
mod time;
pub mod units;

use jiff::Timestamp;

use guard::Facts;
use time::Moment;
use units::{Rate, Replicas};

pub use balance::Balance;
pub use decision::{Ask, Budget, Decision, Numbers, Reason, ReasonCode};
pub use observation::{
    Answer, Answered, Inventory, Observation, Pod, PodState, Resizer, Sample, ServiceTime, Shrinking, Trouble,
};
pub use policy::{Policy, PolicyError, PolicySpec};
pub use state::{LEARNED_VERSION, Learned, LearnedError, State};

/// Time to the next look, in seconds.
const LOOK_AGAIN: f64 = 1.0;

/// What to do about one service, given everything known about it.
///
/// Pure: equal arguments give equal answers. `now` is an argument so that a test or a simulator can be the clock; when
/// it goes backwards nothing new is learned.
pub fn decide(policy: &Policy, state: State, seen: &Observation, now: Timestamp) -> (Decision, State) {
    let at = Moment::from(now).max(state.last.unwrap_or_default());
    let (mut state, look) = state.absorb(policy, seen, at); // windows move forward; size changes are noticed
    let demand = estimate::demand::demand(policy, &mut state, at); // what is asked of the service
    let capacity = state.capacities.current(policy, seen); // what one pod can take
    let (proposal, need) = plan::size(policy, seen.replicas, &look, &demand, capacity);
    let proposal = guard::tolerance(policy, seen.replicas, &need, capacity, proposal);
    let recommended = if look.fresh > 0 { proposal.target } else { seen.replicas };
    state.recommend(policy, recommended, at);
    let facts = Facts {
        policy,
        state: &state,
        seen,
        current: seen.replicas,
        look: &look,
        demand: &demand,
        capacity,
        need,
        now: at,
    };
    let proposal = guard::all(&facts, proposal); // evidence, readiness, limits; bounds last
    let ask = ask::ask(&facts, &proposal); // a calm service next time in part
    let numbers = numbers(&facts);
    let decision = Decision {
        now,
        target_replicas: proposal.target,
        workers: policy.workers(),
        cpu_millis: None,
        reasons: proposal.reasons,
        numbers,
        look_again_seconds: LOOK_AGAIN,
        ask,
    };
    (decision, state)
}

fn numbers(facts: &Facts<'_>) -> Numbers {
    let Facts { policy, state, seen, current, look, demand, capacity, need, now } = facts;
    let window = policy.behavior().scale_down.stabilization_window.as_secs_f64();
    let latency = |seconds: f64| seconds.is_finite() && seconds >= 0.0;
    let per_pod = capacity.per_pod.unwrap_or(Rate::ZERO);
    Numbers {
        replicas: *current,
        offered_rate: demand.offered,
        demand: need.demand,
        load: demand.load,
        confirmed_load: demand.confirmed,
        fast_rate: demand.fast,
        slow_rate: demand.slow,
        noise_guard: demand.noise_guard,
        trend_rise: demand.trend_rise,
        reserve: policy.reserve(),
        capacity_per_pod: per_pod,
        capacity_confidence: capacity.confidence,
        knee_utilization: capacity.knee,
        utilization: look.utilization(),
        bad_over_allowed: look.bad_over_allowed(),
        ready_pods: Replicas(look.ready),
        starting_pods: Replicas(look.starting),
        overdue_pods: Replicas(look.overdue),
        blocked_pods: Replicas(look.blocked()),
        set_by_other: state.sizes.set_by_other(window, *now),
        fresh_share: look.fresh_share(),
        time_to_ready_seconds: state.lead.time_to_ready(),
        needed_replicas: need.replicas.unwrap_or(*current),
        headroom: per_pod.get() * f64::from(look.ready) - need.demand.get(),
        max_replicas: need.max,
        latency_seconds: seen.latency.map(|seconds| seconds.filter(|seconds| latency(*seconds))),
        budgets: std::array::from_fn(|index| state.budgets.latency(policy, index)),
        availability_budget: state.budgets.availability(policy),
    }
}
