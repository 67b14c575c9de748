//! One look is taken in: differences of counters, windows, starts, size changes.

use jiff::Timestamp;

use super::lead::stated_start;
use super::load::Entry;
use super::pod::{Answer, Delta, PodMemory, is_starting};
use super::{STATE_VERSION, State};
use crate::observation::{Observation, Pod, PodState};
use crate::policy::Policy;
use crate::time::Moment;
use crate::units::Replicas;

/// A gap of more than so many usual intervals means that we, not the service, stood still.
const GAP_FACTOR: f64 = 3.0;
/// The windows of demand are full after so many seconds.
const WINDOWS_FULL: f64 = 15.0;
/// Weight of the newest interval in the usual one.
const CADENCE_WEIGHT: f64 = 0.2;
/// Gaps up to this many seconds are never counted as one.
const SHORTEST_GAP: f64 = 5.0;
/// Load last seen on a pod that stopped answering is believed for so long, in seconds.
const BELIEVED: f64 = 5.0;

/// What one look showed, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Look {
    /// Pods that serve.
    pub(crate) ready: u32,
    /// Pods on their way, the overdue ones apart.
    pub(crate) starting: u32,
    pub(crate) overdue: u32,
    /// Pods that may carry load, and those of them with a difference of counters.
    pub(crate) running: u32,
    pub(crate) fresh: u32,
    /// Pods that may carry load, answered, and have nothing to compare with yet.
    pub(crate) first: u32,
    /// Ready pods over their capacity.
    pub(crate) hot: u32,
    /// Load taken for the pods that did not answer, and the largest seen on one pod, per second.
    pub(crate) assumed: f64,
    pub(crate) largest: f64,
    /// Worker time used and available, over the pods that answered.
    pub(crate) busy: f64,
    pub(crate) available: f64,
    /// Sums over the pods that answered: rates and lengths of the differences.
    pub(crate) offered: f64,
    pub(crate) demand: f64,
    pub(crate) seconds: f64,
    /// Requests that came to an end, and how many times more bad ones than allowed, times that.
    pub(crate) finished: f64,
    pub(crate) excess: f64,
}

impl Look {
    /// Pods that may carry load and did not answer.
    pub(crate) fn missing(&self) -> u32 {
        self.running - self.fresh - self.first
    }
}

impl State {
    /// Takes in one look. The state forgets pods that are gone.
    pub(crate) fn absorb(mut self, policy: &Policy, seen: &Observation, now: Timestamp) -> (Self, Look) {
        let now = Moment::from(now);
        self.version = STATE_VERSION;
        self.notice_gap(policy, seen.replicas, now);
        self.sizes.notice(seen.replicas, now);
        let mut look = Look::default();
        let mut pods = align(std::mem::take(&mut self.pods), seen, now, self.last);
        for (memory, pod) in pods.iter_mut().zip(&seen.pods) {
            self.notice_arrival(memory, pod, now);
            self.count(&mut look, memory, pod, now);
            self.learn(&mut look, memory, pod, policy, now);
        }
        self.pods = pods;
        self.extrapolate(&mut look, seen, now);
        self.capacities.refresh(policy, now);
        self.last = Some(now);
        (self, look)
    }

    /// After a start or a pause of our own the past is unknown: until the windows are full again the present size
    /// counts as recommended, so that nothing shrinks for one stabilisation window after that.
    fn notice_gap(&mut self, policy: &Policy, replicas: Replicas, now: Moment) {
        let longest = (GAP_FACTOR * self.cadence).max(SHORTEST_GAP);
        let passed = self.last.map(|last| now.seconds_since(last));
        if passed.is_none_or(|passed| passed > longest && self.cadence > 0.0) {
            self.blind_since = Some(now);
        }
        if self.blind_since.is_some_and(|since| now.seconds_since(since) < WINDOWS_FULL) {
            self.recommend(policy, replicas, now);
        }
        match passed {
            Some(passed) if passed > 0.0 && self.cadence > 0.0 => {
                self.cadence += CADENCE_WEIGHT * (passed.min(longest) - self.cadence);
            }
            Some(passed) if passed > 0.0 => self.cadence = passed,
            _ => {}
        }
    }

    /// Adds a recommendation to the stabilisation windows.
    pub(crate) fn recommend(&mut self, policy: &Policy, size: Replicas, now: Moment) {
        let window = |rules: &crate::policy::ScalingRules| rules.stabilization_window.as_secs_f64();
        let (up, down) = (window(&policy.behavior().scale_up), window(&policy.behavior().scale_down));
        self.recommendations.push(size, now, up, down);
    }

    fn notice_arrival(&mut self, memory: &mut PodMemory, pod: &Pod, now: Moment) {
        if is_starting(pod) {
            memory.last_starting = Some(now);
        } else if pod.state == PodState::Ready && !memory.been_ready {
            memory.been_ready = true;
            let at_least = memory.last_starting.map_or(0.0, |at| at.seconds_since(memory.first_seen));
            let at_most = memory.unseen_before.map(|before| now.seconds_since(before));
            self.lead.note(stated_start(pod.created_at, pod.ready_at), at_least, at_most);
            if memory.unseen_before.is_some() {
                self.last_arrival = Some(now);
            }
        }
    }

    fn count(&self, look: &mut Look, memory: &PodMemory, pod: &Pod, now: Moment) {
        match pod.state {
            PodState::Ready => look.ready += 1,
            PodState::Starting if now.seconds_since(memory.first_seen) > self.lead.overdue_after() => {
                look.overdue += 1;
            }
            PodState::Starting => look.starting += 1,
            PodState::NotReady | PodState::Terminating | PodState::Failed => {}
        }
    }

    fn learn(&mut self, look: &mut Look, memory: &mut PodMemory, pod: &Pod, policy: &Policy, now: Moment) {
        let answer = memory.take(policy, pod, now);
        if !pod.state.may_carry_load() {
            return;
        }
        look.running += 1;
        match answer {
            Answer::Missing => {}
            Answer::First => look.first += 1,
            Answer::Fresh(delta) => {
                look.add(&delta, memory);
                if pod.state == PodState::Ready {
                    let window = memory.close_window(policy, pod);
                    self.capacities.learn(pod, &delta, window.as_ref(), now);
                }
            }
        }
        let recently = |at: Moment| now.seconds_since(at) < 30.0;
        if pod.state == PodState::Ready && memory.hot.is_some_and(recently) {
            look.hot += 1;
        }
    }

    /// Pods that did not answer are taken to carry what the others do, or what they were last seen to carry.
    fn extrapolate(&mut self, look: &mut Look, seen: &Observation, now: Moment) {
        if look.fresh == 0 {
            return;
        }
        let fresh = f64::from(look.fresh);
        let (offered, demand) = (look.offered / fresh, look.demand / fresh);
        let (mut all_offered, mut all_demand) = (look.offered, look.demand);
        for (pod, memory) in seen.pods.iter().zip(&self.pods) {
            let answered_at = memory.sample.map(|(at, _)| at);
            if !pod.state.may_carry_load() || answered_at == Some(now) {
                continue;
            }
            let recent = answered_at.is_some_and(|at| now.seconds_since(at) <= BELIEVED);
            let last = if recent { (memory.offered, memory.demand) } else { (0.0, 0.0) };
            all_offered += offered.max(last.0);
            all_demand += demand.max(last.1);
        }
        all_offered += f64::from(look.first) * offered;
        all_demand += f64::from(look.first) * demand;
        look.assumed = all_demand - look.demand;
        let utilization = if look.available > 0.0 { look.busy / look.available } else { 0.0 };
        self.load.push(Entry {
            at: now,
            seconds: look.seconds / fresh,
            offered: all_offered,
            demand: all_demand,
            utilization,
            finished: look.finished,
            excess: look.excess,
        });
    }
}

impl Look {
    fn add(&mut self, delta: &Delta, memory: &PodMemory) {
        self.fresh += 1;
        self.offered += memory.offered;
        self.demand += memory.demand;
        self.largest = self.largest.max(memory.demand);
        self.seconds += delta.seconds;
        self.busy += delta.busy;
        self.available += delta.available;
        self.finished += delta.finished;
        self.excess += delta.excess;
    }
}

/// One memory for each pod seen, in the same order; those of other pods are forgotten. Mostly nothing has changed.
fn align(mut known: Vec<PodMemory>, seen: &Observation, now: Moment, last: Option<Moment>) -> Vec<PodMemory> {
    let unchanged = known.len() == seen.pods.len()
        && known.iter().zip(&seen.pods).all(|(memory, pod)| memory.name == pod.name);
    if unchanged {
        return known;
    }
    let mut cursor = 0;
    let recalled = seen.pods.iter().map(|pod| {
        recall(&mut known, &mut cursor, &pod.name).unwrap_or_else(|| PodMemory::new(pod, now, last))
    });
    recalled.collect()
}

/// The memory of the pod called `name`. Pods keep their order from look to look, so the search begins behind the last
/// one found.
fn recall(known: &mut [PodMemory], cursor: &mut usize, name: &str) -> Option<PodMemory> {
    let (before, behind) = known.split_at_mut((*cursor).min(known.len()));
    let found = |memory: &PodMemory| memory.name == name;
    if let Some(offset) = behind.iter().position(found) {
        *cursor += offset + 1;
        return behind.get_mut(offset).map(std::mem::take);
    }
    before.iter_mut().find(|memory| memory.name == name).map(std::mem::take)
}
