//! What one pod can take within the objectives: learned for each kind of pod, assumed until it is known.

mod estimate;
mod knee;

use serde::{Deserialize, Serialize};

use crate::observation::{Observation, Pod, PodState};
use crate::policy::Policy;
use crate::state::pod::Delta;
use crate::time::Moment;
use crate::units::{MilliCpu, Rate, Share};
use estimate::Estimate;

/// Kinds of pods remembered; the ones seen longest ago are forgotten first.
const MOST_KINDS: usize = 16;

/// Kinds kept when the process ends, and the longest name of one, in bytes: the rest is learned anew.
const MOST_KEPT: usize = 8;
const LONGEST_NAME: usize = 256;

/// What makes pods alike in what they can take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    revision: String,
    node_class: String,
    cpu: MilliCpu,
    workers: u32,
}

/// The capacity decisions are made with.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Capacity {
    /// `None` while nothing is known.
    pub(crate) per_pod: Option<Rate>,
    pub(crate) confidence: Share,
    pub(crate) knee: Share,
}

/// What was learned of each kind of pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Capacities {
    kinds: Vec<(Key, Estimate)>,
}

impl Key {
    fn matches(&self, pod: &Pod) -> bool {
        self.workers == pod.workers
            && self.cpu == pod.cpu
            && self.revision == pod.revision
            && self.node_class == pod.node_class
    }

    fn is_short(&self) -> bool {
        self.revision.len().max(self.node_class.len()) <= LONGEST_NAME
    }

    fn of(pod: &Pod) -> Self {
        Self {
            revision: pod.revision.clone(),
            node_class: pod.node_class.clone(),
            cpu: pod.cpu,
            workers: pod.workers,
        }
    }
}

impl Capacities {
    /// Learns from what a ready pod did since the last look and, when one closed, over a judging window.
    pub(crate) fn learn(
        &mut self,
        policy: &Policy,
        pod: &Pod,
        delta: &Delta,
        window: Option<&Delta>,
        now: Moment,
    ) {
        let estimate = self.of(pod);
        estimate.add(delta, now);
        if let Some(window) = window {
            estimate.judge(window, policy.least_allowed());
        }
    }

    /// Brings the knees up to date.
    pub(crate) fn refresh(&mut self, policy: &Policy, now: Moment) {
        for (_, estimate) in &mut self.kinds {
            estimate.refresh(policy, now);
        }
    }

    /// The smallest capacity among the kinds of pods that are ready: load is spread evenly, so the weakest pod misses
    /// the objective first. Without a ready pod, that of the kind seen last.
    pub(crate) fn current(&self, policy: &Policy, seen: &Observation) -> Capacity {
        let ready = || seen.pods.iter().filter(|pod| pod.state == PodState::Ready);
        let mut live = self.kinds.iter().filter(|(key, _)| ready().any(|pod| key.matches(pod))).peekable();
        let weakest = if live.peek().is_some() {
            let capacities = live.map(|(_, estimate)| estimate.capacity(policy));
            capacities.filter(|c| c.per_pod.is_some()).min_by(|a, b| total_order(a.per_pod, b.per_pod))
        } else {
            self.latest().map(|estimate| estimate.capacity(policy))
        };
        weakest.unwrap_or_else(|| Capacity { per_pod: policy.prior(), ..Capacity::default() })
    }

    /// The kinds seen last.
    pub(crate) fn most_recent(&self) -> Self {
        let mut kinds: Vec<_> = self.kinds.iter().filter(|(key, _)| key.is_short()).cloned().collect();
        kinds.sort_by_key(|(_, estimate)| std::cmp::Reverse(estimate.updated()));
        kinds.truncate(MOST_KEPT);
        Self { kinds }
    }

    /// Whether it could have been learned: what is read back was in other hands.
    pub(crate) fn is_plausible(&self) -> bool {
        let plausible = |(key, estimate): &(Key, Estimate)| key.is_short() && estimate.is_plausible();
        self.kinds.len() <= MOST_KINDS && self.kinds.iter().all(plausible)
    }

    fn of(&mut self, pod: &Pod) -> &mut Estimate {
        let place = match self.kinds.iter().position(|(key, _)| key.matches(pod)) {
            Some(place) => place,
            None => self.add(pod),
        };
        &mut self.kinds[place].1
    }

    /// What was learned of the kind seen last.
    fn latest(&self) -> Option<&Estimate> {
        self.kinds.iter().map(|(_, estimate)| estimate).max_by_key(|estimate| estimate.updated())
    }

    /// A new kind begins with what is known of the kind seen last, held loosely.
    fn add(&mut self, pod: &Pod) -> usize {
        let estimate = self.latest().map_or_else(Estimate::default, Estimate::inherit);
        if self.kinds.len() == MOST_KINDS {
            let oldest = (0..MOST_KINDS).min_by_key(|place| self.kinds[*place].1.updated());
            self.kinds.remove(oldest.unwrap_or(0));
        }
        self.kinds.push((Key::of(pod), estimate));
        self.kinds.len() - 1
    }
}

fn total_order(a: Option<Rate>, b: Option<Rate>) -> std::cmp::Ordering {
    let value = |rate: Option<Rate>| rate.map_or(f64::INFINITY, Rate::get);
    value(a).total_cmp(&value(b))
}
