//! What one pass found out about one service, as metrics. Counters keep here what they have to remember.

use headroom_api::ScaledService;
use headroom_api::conditions::ConditionType;
use headroom_core::{Decision, Numbers, Observation, PodState};
use jiff::Timestamp;

use super::count::{Counted, RESULTS};
use super::{Metrics, OBJECT};
use crate::controller::report::events::Picture;
use crate::controller::{Decided, Outcome, Standing};

/// One service's metrics between two passes.
#[derive(Debug, Default)]
pub struct Shown {
    counted: Counted,
    last_direction: Option<Direction>,
    /// Since when fewer pods exist than were asked for.
    short_since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl Shown {
    /// Shows what is known now.
    pub fn show(
        &mut self,
        metrics: &Metrics,
        service: &ScaledService,
        standing: &Standing,
        picture: &Picture,
        now: Timestamp,
    ) {
        let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
        let object = [namespace, service.metadata.name.as_deref().unwrap_or_default()];
        debug_assert_eq!(object.len(), OBJECT.len());
        spec(metrics, object, service);
        conditions(metrics, object, picture);
        match standing {
            Standing::Decided(decided) => self.decided(metrics, object, service, decided, picture, now),
            _ => absent(metrics, object),
        }
    }

    fn decided(
        &mut self,
        metrics: &Metrics,
        object: [&str; 2],
        service: &ScaledService,
        decided: &Decided,
        picture: &Picture,
        now: Timestamp,
    ) {
        let Decided { observation, decision, outcome, .. } = decided;
        let [namespace, name] = object;
        for (result, new) in RESULTS.iter().zip(self.counted.add(observation)) {
            metrics.requests.add(&[namespace, name, result], new);
        }
        numbers(metrics, object, &decision.numbers);
        objectives(metrics, object, service, &decision.numbers);
        let target = f64::from(decision.target_replicas.0);
        metrics.replicas_target.set(&object, target);
        let change = picture.figures.as_ref().and_then(|figures| figures.capacity_change);
        metrics.pod_capacity_change.set_or_remove(&object, change);
        metrics.pods_fresh.set(&object, fresh(observation, &decision.numbers));
        metrics.pods_missing.set(&object, self.missing_seconds(observation, now));
        self.count(metrics, object, decision, outcome);
    }

    fn count(&mut self, metrics: &Metrics, object: [&str; 2], decision: &Decision, outcome: &Outcome) {
        let [namespace, name] = object;
        let (from, to) = (decision.numbers.replicas, decision.target_replicas);
        if from == to {
            return;
        }
        let direction = if to > from { Direction::Up } else { Direction::Down };
        let reason = decision.reasons.iter().find(|reason| reason.from != reason.to);
        let reason = reason.map_or_else(|| "Demand".to_owned(), |reason| format!("{:?}", reason.code));
        metrics.decisions.count(&[namespace, name, direction.name(), &reason]);
        if matches!(outcome, Outcome::Scaled { .. }) {
            let turned = self.last_direction.is_some_and(|last| last != direction);
            metrics.direction_changes.add(&object, f64::from(u8::from(turned)));
            self.last_direction = Some(direction);
        }
    }

    /// How long the pod that is missing longest has been missing: not created, or created and never ready.
    fn missing_seconds(&mut self, seen: &Observation, now: Timestamp) -> f64 {
        let alive = |state| !matches!(state, PodState::Terminating | PodState::Failed);
        let existing = seen.pods.iter().filter(|pod| alive(pod.state)).count();
        self.short_since =
            if existing < seen.replicas.0 as usize { self.short_since.or(Some(now)) } else { None };
        let starting = seen.pods.iter().filter(|pod| pod.state == PodState::Starting);
        let since = starting.filter_map(|pod| pod.created_at).chain(self.short_since).min();
        since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
    }
}

fn spec(metrics: &Metrics, object: [&str; 2], service: &ScaledService) {
    metrics.objective.set(&object, service.spec.objectives.availability.share());
    metrics.replicas_min.set(&object, f64::from(service.spec.min_replicas));
}

fn numbers(metrics: &Metrics, object: [&str; 2], numbers: &Numbers) {
    let per_pod = numbers.capacity_per_pod.get();
    let ready = f64::from(numbers.ready_pods.0);
    metrics.replicas_current.set(&object, f64::from(numbers.replicas.0));
    metrics.replicas_ready.set(&object, ready);
    metrics.replicas_wanted.set(&object, f64::from(numbers.needed_replicas.0));
    metrics.replicas_max.set(&object, f64::from(numbers.max_replicas.0));
    metrics.offered.set(&object, numbers.offered_rate.get());
    metrics.demand.set(&object, numbers.demand.get());
    let known = per_pod > 0.0;
    metrics.ready_capacity.set_or_remove(&object, known.then_some(per_pod * ready));
    metrics.pod_capacity.set_or_remove(&object, known.then_some(per_pod));
    metrics.confidence.set(&object, numbers.capacity_confidence.get());
    metrics.lead_time.set(&object, numbers.time_to_ready_seconds);
    let budget = numbers.availability_budget;
    metrics.budget_remaining.set_or_remove(&object, budget.map(|budget| budget.remaining));
    metrics.burn_rate.set_or_remove(&object, budget.and_then(|budget| budget.burn_rate));
}

fn objectives(metrics: &Metrics, object: [&str; 2], service: &ScaledService, numbers: &Numbers) {
    let [namespace, name] = object;
    let objectives = &service.spec.objectives.latency;
    let names: Vec<_> = objectives.iter().map(|objective| vec![objective.name.as_str()]).collect();
    metrics.latency.keep(namespace, name, &names);
    metrics.latency_objective.keep(namespace, name, &names);
    for (objective, latency) in objectives.iter().zip(numbers.latency_seconds) {
        let labels = [namespace, name, objective.name.as_str()];
        metrics.latency_objective.set(&labels, objective.threshold.get().as_secs_f64());
        metrics.latency.set_or_remove(&labels, latency);
    }
}

fn fresh(seen: &Observation, numbers: &Numbers) -> f64 {
    let runs = |state| matches!(state, PodState::Ready | PodState::NotReady);
    let running = seen.pods.iter().filter(|pod| runs(pod.state)).count();
    (numbers.fresh_share.get() * running as f64).round()
}

fn conditions(metrics: &Metrics, object: [&str; 2], picture: &Picture) {
    let [namespace, name] = object;
    let ours = |kind: &str| ConditionType::ALL.iter().any(|known| known.name() == kind);
    let conditions = picture.status.conditions.iter().filter(|condition| ours(&condition.type_));
    let labels: Vec<_> = conditions
        .map(|condition| {
            vec![
                "ScaledService",
                condition.type_.as_str(),
                condition.status.as_str(),
                condition.reason.as_str(),
            ]
        })
        .collect();
    metrics.condition.keep(namespace, name, &labels);
    for further in &labels {
        let labels: Vec<_> = object.iter().chain(further).copied().collect();
        metrics.condition.set(&labels, 1.0);
    }
}

/// Nothing was seen: values that would be old are not shown.
fn absent(metrics: &Metrics, object: [&str; 2]) {
    for gauge in [
        &metrics.budget_remaining,
        &metrics.burn_rate,
        &metrics.replicas_current,
        &metrics.replicas_ready,
        &metrics.replicas_wanted,
        &metrics.replicas_target,
        &metrics.replicas_max,
        &metrics.offered,
        &metrics.demand,
        &metrics.ready_capacity,
        &metrics.pod_capacity,
        &metrics.pod_capacity_change,
        &metrics.confidence,
        &metrics.pods_fresh,
        &metrics.pods_missing,
        &metrics.lead_time,
    ] {
        gauge.remove(&object);
    }
    metrics.latency.keep(object[0], object[1], &[]);
}
