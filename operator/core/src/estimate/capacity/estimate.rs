//! What was learned of one kind of pod: cost of a request, shape of its handler's time, and the knee.
//!
//! Capacity = knee x workers / (worker-seconds a request costs). The cost is known after seconds of any load; the knee
//! comes from a queueing model at first and from the share of bad answers seen at each utilisation later.

use serde::{Deserialize, Serialize};

use super::Capacity;
use super::knee::{Knee, Point};
use crate::estimate::queue::Queue;
use crate::policy::Policy;
use crate::state::pod::Delta;
use crate::time::Moment;
use crate::units::{Rate, Share};

/// Half-life of the cost of a request, in seconds: a regression of x0.7 is learned to 5 % in about three of them.
const COST_HALF_LIFE: f64 = 45.0;
/// A longer time without a request forgets no more, so that the sums never vanish.
const LONGEST_IDLE: f64 = 900.0;
/// Requests needed before their cost is believed.
const NEEDED_REQUESTS: f64 = 20.0;
/// Looks whose utilisation is further from the window's mean were of another load; chance moves it less.
const UNSTEADY: f64 = 0.25;
/// Utilisation that is safe to assume while the knee is not known: the usual CPU target of autoscalers.
const ASSUMED_KNEE: f64 = 0.70;
/// Capacity is assumed at most this much of what saturates the workers, whatever the prior says.
const HIGHEST_KNEE: f64 = 0.98;
/// At the knee itself just as many answers are late as allowed: a little room below it pays for chance.
const MARGIN: f64 = 0.97;
/// The knee is believed at most so far above the utilisation at which answers were seen to be good.
const EXPLORE: f64 = 0.30;
/// The knee in use moves when the computed one has left this band around it, so that a size does not follow its last
/// digits. Downwards sooner: an objective is missed above it.
const RAISE: f64 = 1.03;
/// On the way to a knee that is not seen yet the steps are larger, so that the size does not follow each of them.
const RAISE_EXPLORING: f64 = 1.1;
const LOWER: f64 = 0.99;
/// A window says half of what it could when so many bad answers are allowed in it.
const TELLING: f64 = 3.0;
/// Knees are renewed at most this often, in seconds: the load changes faster than what a pod can take.
const REFRESH: f64 = 2.0;
/// What is learned replaces what is assumed from this confidence on, and not again below the second.
const TRUSTED: f64 = 0.5;
const DISTRUSTED: f64 = 0.3;

/// No sum that was learned is larger.
const LARGEST: f64 = 1e18;

/// What was learned of one kind of pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Estimate {
    updated: Moment,
    refreshed: Option<Moment>,
    /// Decayed sums: requests served, worker-seconds they took, worker-seconds available, seconds watched.
    served: f64,
    busy: f64,
    available: f64,
    seconds: f64,
    /// Decayed sums of the handler's time, and the requests beyond each threshold.
    service: [f64; 3],
    beyond: [f64; Policy::MAX_OBJECTIVES],
    knee: Knee,
    /// Utilisation decisions are made with.
    used: f64,
    trusted: bool,
    /// Began with what was learned of another kind of pod.
    inherited: bool,
}

impl Estimate {
    /// Adds what a pod did since the last look.
    pub(super) fn add(&mut self, delta: &Delta, now: Moment) {
        if delta.available <= 0.0 || delta.served <= 0.0 {
            return;
        }
        // What was learned by another clock may lie ahead of this one.
        if now != self.updated {
            let passed = now.seconds_since(self.updated).clamp(0.0, LONGEST_IDLE);
            self.scale((-passed / COST_HALF_LIFE).exp2());
            self.updated = now;
        }
        self.served += delta.served;
        self.busy += delta.busy;
        self.available += delta.available;
        self.seconds += delta.seconds;
        let service = [delta.service.count, delta.service.sum, delta.service.sum_of_squares];
        for (sum, value) in self.service.iter_mut().zip(service) {
            *sum += value;
        }
        for (sum, value) in self.beyond.iter_mut().zip(delta.service_beyond) {
            *sum += value;
        }
    }

    /// Adds a judging window of one pod. `allowed` is the smallest share of late answers that is allowed.
    pub(super) fn judge(&mut self, window: &Delta, allowed: f64) {
        if window.available > 0.0 && window.finished > 0.0 {
            let is_bad = window.misses_beyond_chance(allowed);
            let mean = window.busy / window.available;
            let utilization = if is_bad { where_it_went_wrong(window, mean) } else { mean };
            // Errors while the workers are mostly idle have another cause than load.
            let excess = if utilization < ASSUMED_KNEE { window.excess_by_load } else { window.excess };
            let window = Delta { excess, ..*window };
            self.knee.add(&Point {
                utilization,
                bad_over_allowed: window.excess / window.finished,
                weight: weight(window.finished * allowed),
                is_bad: window.misses_beyond_chance(allowed),
            });
        }
    }

    /// Whether it could have been learned.
    pub(super) fn is_plausible(&self) -> bool {
        let sums = [self.served, self.busy, self.available, self.seconds, self.used];
        let plausible = |value: &f64| (0.0..=LARGEST).contains(value);
        sums.iter().chain(&self.service).chain(&self.beyond).all(plausible) && self.knee.is_plausible()
    }

    /// When it last learned something.
    pub(super) fn updated(&self) -> Moment {
        self.updated
    }

    /// Renews the knee from the model and what was seen.
    pub(super) fn refresh(&mut self, policy: &Policy, now: Moment) {
        let due = self.refreshed.is_none_or(|at| now.seconds_since(at) >= REFRESH);
        if !due || self.cost().is_none() {
            return;
        }
        self.refreshed = Some(now);
        let (queue, beyond) = self.queue();
        let expected = |utilization: f64| {
            let objectives = policy.latency().iter().enumerate();
            objectives.fold(0.0, |worst: f64, (index, objective)| {
                let threshold = objective.threshold.as_secs_f64();
                let beyond = beyond.and_then(|shares| shares.get(index).copied());
                worst.max(queue.late(utilization, threshold, beyond) / (1.0 - objective.quantile))
            })
        };
        self.knee.refresh(expected);
        let confidence = self.knee.confidence();
        self.trusted = confidence >= if self.trusted { DISTRUSTED } else { TRUSTED };
        let learned = (MARGIN * self.knee.value()).min(HIGHEST_KNEE);
        let explored = match (self.trusted, self.inherited) {
            (true, _) => (self.knee.best_good() + EXPLORE).max(ASSUMED_KNEE),
            (false, true) => self.used,
            (false, false) => ASSUMED_KNEE,
        };
        let knee = learned.min(explored);
        let raise = if knee < learned { RAISE_EXPLORING } else { RAISE };
        if knee > raise * self.used || knee < LOWER * self.used {
            self.used = knee;
        }
    }

    /// Capacity of one such pod.
    pub(super) fn capacity(&self, policy: &Policy) -> Capacity {
        let Some(cost) = self.cost() else {
            return Capacity { per_pod: policy.prior(), ..Capacity::default() };
        };
        let saturated = self.available / self.seconds / cost;
        let learned = self.used * saturated;
        let prior = policy.prior().filter(|_| !self.trusted && !self.inherited);
        let rate = prior.map_or(learned, |prior| prior.get().min(HIGHEST_KNEE * saturated));
        Capacity {
            per_pod: Some(Rate::new(rate)).filter(|rate| *rate > Rate::ZERO),
            confidence: Share::new(self.knee.confidence()),
            knee: Share::new(rate / saturated),
        }
    }

    /// What a new kind of pod begins with: the same numbers, soon outweighed by its own.
    pub(super) fn inherit(&self) -> Self {
        let mut heir = self.clone();
        heir.scale(0.1);
        heir.knee.loosen();
        heir.trusted = false;
        heir.inherited = self.trusted || self.inherited;
        heir.refreshed = None;
        heir
    }

    /// Worker-seconds one request costs.
    fn cost(&self) -> Option<f64> {
        let known = self.refreshed.is_some() || self.inherited || self.served >= NEEDED_REQUESTS;
        let cost = self.busy / self.served;
        (known && cost.is_finite() && cost > 0.0).then_some(cost)
    }

    /// The pod as a queue, and the share of requests whose handler alone misses each threshold, where that is told.
    fn queue(&self) -> (Queue, Option<[f64; Policy::MAX_OBJECTIVES]>) {
        let workers = self.available / self.seconds;
        let [count, sum, squares] = self.service;
        if count <= 0.0 || sum <= 0.0 {
            let cost = self.busy / self.served;
            return (Queue::new(workers, cost, 1.0), None);
        }
        let mean = sum / count;
        // Without sums of squares the time is taken to vary as an exponential one does.
        let variation = if squares > 0.0 { squares / count / (mean * mean) - 1.0 } else { 1.0 };
        // As many at a time as saturated workers would hold, by Little's law: at least one for each worker.
        let servers = (workers * mean * self.served / self.busy).max(workers);
        let beyond = (squares > 0.0).then(|| self.beyond.map(|beyond| (beyond / count).min(1.0)));
        (Queue::new(servers, mean, variation), beyond)
    }

    fn scale(&mut self, keep: f64) {
        for sum in [&mut self.served, &mut self.busy, &mut self.available, &mut self.seconds] {
            *sum *= keep;
        }
        for sum in self.service.iter_mut().chain(&mut self.beyond) {
            *sum *= keep;
        }
    }
}

/// What a window says, from nothing to one: with few requests the number of bad ones is chance.
fn weight(bad_ones_allowed: f64) -> f64 {
    bad_ones_allowed / (bad_ones_allowed + TELLING)
}

/// The utilisation that a window's bad answers belong to. Where a short overload lies between calm looks the mean is of
/// neither: the bad answers came of the overload.
fn where_it_went_wrong(window: &Delta, mean: f64) -> f64 {
    if window.busiest > mean + UNSTEADY { window.busiest.min(1.0) } else { mean }
}
