//! PURE: the numbers of a decision as they are told: steady, so that chance alone changes no text.

use headroom_core::units::Replicas;
use headroom_core::{Budget, Numbers, Observation, PodState, Policy};
use jiff::Timestamp;

use super::steady::{Scatter, Steady};

/// Seconds over which the offered rate is counted.
const WINDOW: f64 = 5.0;
/// From this confidence on the capacity of a pod counts as known, and below the second no longer.
const KNOWN: (f64, f64) = (0.5, 0.4);
/// From this burn rate on the budget counts as burning, and below the second no longer.
const BURNING: (f64, f64) = (2.0, 1.0);

/// What is told of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Requests per second that arrive.
    pub offered: f64,
    /// What buys pods.
    pub demand: f64,
    /// Requests per second that one pod holds; 0 when not known.
    pub per_pod: f64,
    /// Whether that was learned.
    pub capacity_is_known: bool,
    /// How well, from 0 to 1.
    pub confidence: f64,
    /// Capacity of the revision now over that of the one before, once both are known.
    pub capacity_change: Option<f64>,
    /// Pods that serve.
    pub ready: u32,
    /// Pods that demand needs, before any guard.
    pub needed: u32,
    /// Pods decided on.
    pub target: u32,
    /// Seconds from writing a size to its pods being ready.
    pub lead: f64,
    /// Latency at each objective's quantile, in seconds.
    pub latency: [Option<f64>; Policy::MAX_OBJECTIVES],
    /// Budget of each latency objective.
    pub budgets: [Option<Budget>; Policy::MAX_OBJECTIVES],
    /// Budget of the availability objective.
    pub availability: Option<Budget>,
    /// Some budget is spent clearly faster than allowed.
    pub burning: bool,
}

impl Figures {
    /// What the ready pods hold, in requests per second.
    pub fn ready_capacity(&self) -> f64 {
        self.per_pod * f64::from(self.ready)
    }

    /// The budget that is worst off.
    pub fn worst_budget(&self) -> Option<Budget> {
        let budgets = self.budgets.iter().chain([&self.availability]).flatten();
        budgets.copied().min_by(|a, b| a.remaining.total_cmp(&b.remaining))
    }
}

/// Makes figures of numbers, look by look.
#[derive(Debug, Clone, Default)]
pub struct Settling {
    last: Option<Timestamp>,
    offered: Settled,
    demand: Settled,
    per_pod: Settled,
    confidence: Settled,
    needed: Settled,
    target: Settled,
    lead: Settled,
    latency: [Settled; Policy::MAX_OBJECTIVES],
    budgets: [SettledBudget; Policy::MAX_OBJECTIVES],
    availability: SettledBudget,
    capacity_is_known: bool,
    burning: bool,
    revisions: Revisions,
}

impl Settling {
    /// The figures after this look.
    pub fn look(
        &mut self,
        numbers: &Numbers,
        target: Replicas,
        seen: &Observation,
        now: Timestamp,
    ) -> Figures {
        let seconds = self.last.map_or(0.0, |last| now.duration_since(last).as_secs_f64());
        self.last = Some(now);
        let of_rate = |value: f64| Scatter::of_rate(value, WINDOW);
        let next = |settled: &mut Settled, value: f64, scatter| settled.next(value, seconds, scatter);
        let (offered, demand) = (numbers.offered_rate.get(), numbers.demand.get());
        let (per_pod, confidence) = (numbers.capacity_per_pod.get(), numbers.capacity_confidence.get());
        let whole = |pods: Replicas| f64::from(pods.0);
        let few = Scatter { band: 0.05, one_look: 0.5 };
        let confidence = next(&mut self.confidence, confidence, Scatter { band: 0.1, one_look: 0.05 });
        self.capacity_is_known = hysteresis(self.capacity_is_known, confidence, KNOWN);
        let change = self.revisions.look(seen, self.capacity_is_known.then_some(per_pod));
        let figures = Figures {
            offered: next(&mut self.offered, offered, of_rate(offered)),
            demand: next(&mut self.demand, demand, of_rate(demand)),
            per_pod: next(&mut self.per_pod, per_pod, Scatter::of_share(per_pod, 0.03)),
            capacity_is_known: self.capacity_is_known,
            confidence,
            capacity_change: change,
            ready: numbers.ready_pods.0,
            needed: next(&mut self.needed, whole(numbers.needed_replicas), few).round() as u32,
            target: next(&mut self.target, whole(target), few).round() as u32,
            lead: next(&mut self.lead, numbers.time_to_ready_seconds, Scatter::none(0.1)),
            latency: each(&mut self.latency, &numbers.latency_seconds, |settled, value| {
                value.map(|value| settled.next(value, seconds, Scatter::of_share(value, 0.1)))
            }),
            budgets: each(&mut self.budgets, &numbers.budgets, |settled, budget| {
                budget.map(|budget| settled.next(budget, seconds))
            }),
            availability: numbers.availability_budget.map(|budget| self.availability.next(budget, seconds)),
            burning: false,
        };
        let burn = figures.budgets.iter().chain([&figures.availability]).flatten();
        let burn = burn.filter_map(|budget| budget.burn_rate).fold(0.0, f64::max);
        self.burning = hysteresis(self.burning, burn, BURNING);
        Figures { burning: self.burning, ..figures }
    }
}

fn each<S, T: Copy>(
    settled: &mut [S; Policy::MAX_OBJECTIVES],
    values: &[Option<T>; Policy::MAX_OBJECTIVES],
    mut next: impl FnMut(&mut S, Option<T>) -> Option<T>,
) -> [Option<T>; Policy::MAX_OBJECTIVES] {
    let mut shown = [None; Policy::MAX_OBJECTIVES];
    for (shown, (settled, value)) in shown.iter_mut().zip(settled.iter_mut().zip(values)) {
        *shown = next(settled, *value);
    }
    shown
}

/// True from the first bound on, and until the value is below the second.
fn hysteresis(was: bool, value: f64, (from, until): (f64, f64)) -> bool {
    value >= if was { until } else { from }
}

/// A steady number that may not have begun yet.
#[derive(Debug, Clone, Copy, Default)]
struct Settled(Option<Steady>);

impl Settled {
    fn next(&mut self, value: f64, seconds: f64, scatter: Scatter) -> f64 {
        let next = match self.0 {
            Some(steady) => steady.then(value, seconds, scatter),
            None => Steady::new(value),
        };
        self.0 = Some(next);
        next.shown()
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct SettledBudget {
    remaining: Settled,
    burn: Settled,
}

impl SettledBudget {
    fn next(&mut self, budget: Budget, seconds: f64) -> Budget {
        let one_percent = Scatter { band: 0.0, one_look: 0.01 };
        Budget {
            remaining: self.remaining.next(budget.remaining, seconds, one_percent),
            burn_rate: budget.burn_rate.map(|burn| {
                self.burn.next(burn, seconds, Scatter { band: 0.1, one_look: 0.05 + burn * 0.1 })
            }),
        }
    }
}

/// Compares the capacity of a revision with that of the one before.
#[derive(Debug, Clone, Default)]
struct Revisions {
    now: String,
    capacity: Option<f64>,
    before: Option<f64>,
}

impl Revisions {
    fn look(&mut self, seen: &Observation, known: Option<f64>) -> Option<f64> {
        let revision = most_ready(seen)?;
        if revision != self.now {
            self.before = self.capacity.take();
            revision.clone_into(&mut self.now);
        } else if known.is_some() {
            self.capacity = known;
        }
        match (self.capacity, self.before) {
            (Some(now), Some(before)) if before > 0.0 => Some(now / before),
            _ => None,
        }
    }
}

/// The revision that most ready pods have.
fn most_ready(seen: &Observation) -> Option<&str> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for pod in seen.pods.iter().filter(|pod| pod.state == PodState::Ready) {
        *counts.entry(&pod.revision).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, pods)| *pods).map(|(revision, _)| revision)
}
