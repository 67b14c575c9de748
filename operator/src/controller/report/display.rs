//! PURE: the columns of `kubectl get`, as ready texts.

use headroom_api::ScaledService;
use headroom_api::status::Display;
use headroom_core::{Decision, Observation, PodState};

use super::conditions::View;
use super::figures::Figures;
use super::text::{cpu, left, rate, time};
use crate::controller::{Decided, Outcome, Standing, Target};

/// Between the pods that serve and those wanted, where that differs.
pub const MOVES: &str = "->";
/// The upper bound while nothing bounds the size but a capacity that is not known yet.
const NO_BOUND: &str = "?";

/// The columns but REASON, which is chosen from the conditions.
pub fn display_of(view: &View<'_>) -> Display {
    match (view.standing, view.figures) {
        (Standing::Decided(decided), Some(figures)) => decided_columns(view.service, decided, figures),
        (Standing::Paused { target }, _) => {
            Display { replicas: target.replicas.to_string(), target: name(target), ..Display::default() }
        }
        _ => Display { target: spec_target(view.service), ..Display::default() },
    }
}

fn decided_columns(service: &ScaledService, decided: &Decided, figures: &Figures) -> Display {
    let Decided { target, observation, decision, .. } = decided;
    Display {
        offered: rate(figures.offered),
        capacity: if figures.per_pod > 0.0 { rate(figures.ready_capacity()) } else { String::new() },
        latency: latency(service, figures),
        replicas: replicas(service, decided, figures),
        reason: String::new(),
        target: name(target),
        per_pod: if figures.per_pod > 0.0 { rate(figures.per_pod) } else { String::new() },
        budget: figures.worst_budget().map_or_else(String::new, |budget| left(&budget)),
        cpu: pod_cpu(decision, observation),
        workers: workers(decision, observation),
        lead: time(figures.lead),
    }
}

/// The first objective: now and allowed.
fn latency(service: &ScaledService, figures: &Figures) -> String {
    let Some(objective) = service.spec.objectives.latency.first() else { return String::new() };
    let [now, ..] = figures.latency;
    let now = now.map_or_else(|| "-".to_owned(), time);
    let name = if objective.name == "p99" { String::new() } else { format!("{} ", objective.name) };
    format!("{name}{now}/{}", objective.threshold)
}

/// Pods that serve, pods wanted where that differs, and the upper bound.
fn replicas(service: &ScaledService, decided: &Decided, figures: &Figures) -> String {
    let max = if service.spec.max_replicas.is_none() && figures.per_pod <= 0.0 {
        NO_BOUND.to_owned()
    } else {
        decided.decision.numbers.max_replicas.to_string()
    };
    let wanted = match decided.outcome {
        Outcome::Scaled { to, .. } => to,
        Outcome::ObserveOnly => figures.target,
        Outcome::Unchanged | Outcome::Held | Outcome::Standby | Outcome::Refused(_) => {
            decided.decision.target_replicas.0
        }
    };
    let ready = figures.ready;
    if wanted == ready { format!("{ready}/{max}") } else { format!("{ready}{MOVES}{wanted}/{max}") }
}

fn name(target: &Target) -> String {
    target.name.to_string()
}

fn spec_target(service: &ScaledService) -> String {
    match &service.spec.scale_target_ref {
        Some(target) => format!("{}/{}", target.kind, target.name),
        None => format!("Deployment/{}", service.metadata.name.as_deref().unwrap_or_default()),
    }
}

fn pod_cpu(decision: &Decision, seen: &Observation) -> String {
    let millis = decision.cpu_millis.map_or_else(|| most(seen, |pod| pod.cpu.0), |millis| millis.0);
    if millis == 0 { String::new() } else { cpu(millis) }
}

fn workers(decision: &Decision, seen: &Observation) -> String {
    let count = decision.workers.unwrap_or_else(|| most(seen, |pod| pod.workers));
    if count == 0 { String::new() } else { count.to_string() }
}

/// What most ready pods have; of equally many the larger.
fn most(seen: &Observation, of: impl Fn(&headroom_core::Pod) -> u32) -> u32 {
    let mut counts = std::collections::BTreeMap::<u32, usize>::new();
    for pod in seen.pods.iter().filter(|pod| pod.state == PodState::Ready) {
        *counts.entry(of(pod)).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, pods)| *pods).map_or(0, |(value, _)| value)
}
