//! One look is taken in: differences of counters, windows, starts, size changes.

use std::collections::BTreeMap;

use super::lead::stated_start;
use super::load::Entry;
use super::look::Look;
use super::pod::{PodMemory, Worth};
use super::sampling::Movement;
use super::{STATE_VERSION, State};
use crate::observation::{Answer, Observation, Pod, PodState, Resizer};
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
/// A pod that missed the objectives counts as hot for so long, in seconds.
const HOT_SECONDS: f64 = 15.0;
/// The shortest time that a look stands for, in seconds.
const SHORTEST: f64 = 0.02;
/// Load last seen on a pod that stopped answering is believed for so long, in seconds.
const BELIEVED: f64 = 5.0;

impl State {
    /// Takes in one look. The state forgets pods that are gone.
    pub(crate) fn absorb(mut self, policy: &Policy, seen: &Observation, now: Moment) -> (Self, Look) {
        self.version = STATE_VERSION;
        self.notice_gap(policy, seen.replicas, now);
        self.notice_size(policy, seen, now);
        let mut look = Look { blind: self.is_blind(now), ..Look::default() };
        let mut pods = align(std::mem::take(&mut self.pods), seen, now, self.last);
        for (memory, pod) in pods.iter_mut().zip(&seen.pods) {
            self.notice_arrival(memory, pod, now);
            self.count(&mut look, memory, pod, now);
            self.learn(&mut look, memory, pod, policy, now);
        }
        self.pods = pods;
        look.refused = refused(seen);
        look.movement = look.told.movement(&look, self.dispersion.unwrap_or(1.0));
        if !look.sampled || look.movement == Movement::Calm {
            self.calm_at = Some(now);
        }
        self.extrapolate(&mut look, seen, now);
        self.budgets.add(policy, &look, now);
        self.capacities.refresh(policy, now);
        self.last = Some(now);
        (self, look)
    }

    /// The longest time between two looks that is no gap, in seconds.
    fn longest_interval(&self) -> f64 {
        (GAP_FACTOR * self.cadence).max(SHORTEST_GAP)
    }

    /// After a start or a pause of our own the past is unknown: until the windows are full again the present size
    /// counts as recommended, so that nothing shrinks for one stabilisation window after that.
    fn notice_gap(&mut self, policy: &Policy, replicas: Replicas, now: Moment) {
        let longest = self.longest_interval();
        let passed = self.last.map(|last| now.seconds_since(last));
        if passed.is_none_or(|passed| passed > longest && self.cadence > 0.0) {
            self.blind_since = Some(now);
        }
        if self.is_blind(now) {
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

    /// A size that somebody else set counts as recommended: it is not taken back at once. Growth goes on.
    fn notice_size(&mut self, policy: &Policy, seen: &Observation, now: Moment) {
        self.sizes.notice(seen.replicas, seen.resized_by, now);
        let window = policy.behavior().scale_down.stabilization_window.as_secs_f64();
        if seen.resized_by == Resizer::Other && self.sizes.changed_at() == Some(now) {
            self.recommendations.hold(seen.replicas, now, window);
        }
    }

    /// Whether the windows are not full yet after a start or a pause of our own.
    pub(crate) fn is_blind(&self, now: Moment) -> bool {
        self.blind_since.is_some_and(|since| now.seconds_since(since) < WINDOWS_FULL)
    }

    /// Adds a recommendation to the stabilisation windows.
    pub(crate) fn recommend(&mut self, policy: &Policy, size: Replicas, now: Moment) {
        let window = |rules: &crate::policy::ScalingRules| rules.stabilization_window.as_secs_f64();
        let (up, down) = (window(&policy.behavior().scale_up), window(&policy.behavior().scale_down));
        self.recommendations.push(size, now, up, down);
    }

    /// Seconds since the last calm look.
    fn since_calm(&self, now: Moment) -> f64 {
        self.calm_at.or(self.last).map_or(f64::INFINITY, |at| now.seconds_since(at))
    }

    fn notice_arrival(&mut self, memory: &mut PodMemory, pod: &Pod, now: Moment) {
        match pod.state {
            PodState::Starting => memory.last_starting = Some(now),
            PodState::Ready if !memory.been_ready => {
                memory.been_ready = true;
                let began = memory.unseen_before.unwrap_or(memory.first_seen);
                let seen = memory
                    .last_starting
                    .map(|at| (at.seconds_since(memory.first_seen), now.seconds_since(began)));
                self.lead.note(stated_start(pod.created_at, pod.ready_at), seen);
                if memory.unseen_before.is_some() {
                    self.last_arrival = Some(now);
                }
            }
            // What it was ready for, or never will be, is no start.
            _ => memory.been_ready = true,
        }
    }

    /// Seconds that the look stands for. In a sample each pod tells of a longer time than has passed since the last look.
    fn length(&self, look: &Look, now: Moment) -> f64 {
        let told = look.seconds / f64::from(look.answered());
        match self.load.last(1) {
            [last] if look.sampled => told.min(now.seconds_since(last.at)).max(SHORTEST),
            _ => told,
        }
    }

    fn count(&self, look: &mut Look, memory: &PodMemory, pod: &Pod, now: Moment) {
        match pod.state {
            PodState::Ready => look.ready += 1,
            PodState::Starting if now.seconds_since(memory.first_seen) > self.lead.overdue_after() => {
                look.overdue += 1;
            }
            PodState::Starting if pod.trouble.is_none() => look.starting += 1,
            PodState::Starting | PodState::NotReady | PodState::Terminating | PodState::Failed => {}
        }
        let expected = matches!(pod.state, PodState::Starting | PodState::NotReady);
        if let Some(pods) = pod.trouble.filter(|_| expected).and_then(|t| look.troubled.get_mut(t as usize)) {
            *pods += 1;
        }
    }

    fn learn(&mut self, look: &mut Look, memory: &mut PodMemory, pod: &Pod, policy: &Policy, now: Moment) {
        let before = memory.rate_told();
        let answer = memory.take(policy, pod, now, self.longest_interval());
        match (pod.state, answer) {
            (PodState::Starting | PodState::Failed, _) => return,
            (PodState::Terminating, Worth::Fresh(delta)) => look.add_leaving(&delta, memory),
            (PodState::Terminating, _) => {}
            (PodState::Ready | PodState::NotReady, answer) => {
                look.running += 1;
                look.unasked += u32::from(pod.answer == Answer::NotAsked);
                look.sampled |= pod.answer == Answer::NotAsked || memory.skipped;
                match answer {
                    Worth::Missing => {}
                    Worth::First => look.first += 1,
                    Worth::Recalled => look.add_recalled(memory),
                    Worth::Fresh(delta) => {
                        look.add(&delta, memory);
                        if let Some(before) = before {
                            look.told.add(before, &delta, self.since_calm(now));
                        }
                    }
                }
            }
        }
        if let (PodState::Ready, Worth::Fresh(delta)) = (pod.state, answer) {
            let window = memory.close_window(policy, pod);
            self.capacities.learn(policy, pod, &delta, window.as_ref(), now);
        }
        let recently = |at: Moment| now.seconds_since(at) < HOT_SECONDS;
        look.hot += u32::from(pod.state == PodState::Ready && memory.hot.is_some_and(recently));
    }

    /// Ready pods that did not answer are taken to carry what the others do, or what they were last seen to carry;
    /// those that are not ready, the latter only. A look at which no pod told anything new adds nothing.
    fn extrapolate(&mut self, look: &mut Look, seen: &Observation, now: Moment) {
        if look.answered() == 0 {
            return;
        }
        if let (true, Movement::Rising(hidden)) = (look.sampled, look.movement) {
            look.offered += hidden;
            look.demand += hidden;
        }
        let fresh = f64::from(look.fresh);
        let mean = (look.offered / fresh, look.demand / fresh);
        let mut assumed = (0.0, 0.0);
        for (pod, memory) in seen.pods.iter().zip(&self.pods) {
            let answered_at = memory.sample.map(|(at, _)| at);
            let recalled = pod.state != PodState::Terminating && memory.is_recalled(pod, now);
            if !pod.state.may_carry_load() || answered_at == Some(now) || recalled {
                continue;
            }
            let recent = answered_at.is_some_and(|at| now.seconds_since(at) <= BELIEVED);
            let last = if recent { (memory.offered, memory.demand) } else { (0.0, 0.0) };
            let like_others = if pod.state == PodState::Ready { mean } else { (0.0, 0.0) };
            assumed = (assumed.0 + last.0.max(like_others.0), assumed.1 + last.1.max(like_others.1));
        }
        look.assumed = assumed.1;
        self.load.push(Entry {
            at: now,
            seconds: self.length(look, now),
            sampled: look.sampled,
            offered: look.offered + look.leaving_offered + assumed.0,
            demand: look.demand + look.leaving_demand + assumed.1,
            finished: look.finished,
            failed: look.failed,
            excess: look.excess,
        });
    }
}

/// Pods that were asked for and do not exist, where the cluster said that it refuses them.
fn refused(seen: &Observation) -> u32 {
    let lives = |pod: &&Pod| !matches!(pod.state, PodState::Terminating | PodState::Failed);
    match seen.blocked {
        Some(_) => seen.replicas.0.saturating_sub(seen.pods.iter().filter(lives).count() as u32),
        None => 0,
    }
}

/// One memory for each pod seen, in the same order; those of other pods are forgotten. Mostly nothing has changed.
fn align(known: Vec<PodMemory>, seen: &Observation, now: Moment, last: Option<Moment>) -> Vec<PodMemory> {
    let unchanged = known.len() == seen.pods.len()
        && known.iter().zip(&seen.pods).all(|(memory, pod)| memory.name == pod.name);
    if unchanged {
        return known;
    }
    let mut known: BTreeMap<String, PodMemory> =
        known.into_iter().map(|memory| (memory.name.clone(), memory)).collect();
    let recalled =
        seen.pods.iter().map(|pod| known.remove(&pod.name).unwrap_or_else(|| PodMemory::new(pod, now, last)));
    recalled.collect()
}
