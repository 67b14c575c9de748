//! What is remembered of one pod, and the difference that a new sample makes.

use serde::{Deserialize, Serialize};

use crate::observation::{Answer, Pod, Sample, ServiceTime};
use crate::policy::Policy;
use crate::time::Moment;

/// A window over which a pod's utilisation and bad answers are judged lasts at least so many seconds: shorter ones
/// mistake the chance of one second for the rate.
const WINDOW_SECONDS: f64 = 10.0;
/// Looks with unchanged counters and work in progress after which an answer is no evidence.
const FROZEN_LOOKS: u8 = 3;
/// The shortest time over which a rate is computed, in seconds.
const SHORTEST: f64 = 0.02;
/// What a pod last told counts for so long while it is not asked, in seconds: five, one look late, and a little.
const RECALLED: f64 = 6.5;

/// One pod between two looks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own about the last answers")]
pub(crate) struct PodMemory {
    pub(crate) name: String,
    /// First look that showed it, and the look before, which did not.
    pub(crate) first_seen: Moment,
    pub(crate) unseen_before: Option<Moment>,
    /// Last look at which it had never been ready.
    pub(crate) last_starting: Option<Moment>,
    pub(crate) been_ready: bool,
    /// Last sample that was believed, and when.
    pub(crate) sample: Option<(Moment, Sample)>,
    /// Arrivals per second and the part that should buy pods, over the last difference.
    pub(crate) offered: f64,
    pub(crate) demand: f64,
    /// Beginning of the current judging window.
    pub(crate) window: Option<(Moment, Sample)>,
    /// Over its capacity in the last judging window, which ended then.
    pub(crate) hot: Option<Moment>,
    /// Utilisation at the busiest look of the current judging window.
    #[serde(default)]
    busiest: f64,
    unchanged: u8,
    /// Whether the last difference was over a time within which it was not asked.
    #[serde(default)]
    pub(crate) skipped: bool,
    /// Not asked since it last told.
    #[serde(default)]
    unasked: bool,
    /// Did not answer, or not credibly, when it was last asked.
    #[serde(default)]
    mute: bool,
    /// Whether `offered` and `demand` are of the present process.
    #[serde(default)]
    known: bool,
}

/// What a pod did between two samples of the same process.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Delta {
    pub(crate) seconds: f64,
    pub(crate) offered: f64,
    pub(crate) demand: f64,
    /// Requests that came to an end: answered, failed, or turned away for overload; and the last two alone.
    pub(crate) finished: f64,
    pub(crate) failed: f64,
    /// Requests answered.
    pub(crate) served: f64,
    /// Successful answers beyond each latency objective.
    pub(crate) late: [f64; Policy::MAX_OBJECTIVES],
    /// How many times more bad ones than the strictest latency objective allows, times `finished`.
    pub(crate) excess: f64,
    /// The same without server errors, which may have other causes than load.
    pub(crate) excess_by_load: f64,
    /// Worker-seconds (or CPU-seconds) used, and available.
    pub(crate) busy: f64,
    pub(crate) available: f64,
    /// Of a judging window: utilisation at its busiest look; 0 of a single look.
    pub(crate) busiest: f64,
    /// Time in the handler.
    pub(crate) service: ServiceTime,
    /// Requests whose handler time alone was beyond each objective's threshold.
    pub(crate) service_beyond: [f64; Policy::MAX_OBJECTIVES],
}

impl PodMemory {
    pub(crate) fn new(pod: &Pod, now: Moment, unseen_before: Option<Moment>) -> Self {
        Self { name: pod.name.clone(), first_seen: now, unseen_before, ..Self::default() }
    }

    /// Takes in a new sample. `Fresh` carries the difference; the first sample of a process has none yet, and a mean
    /// over more than `longest` seconds says too little about now.
    pub(crate) fn take(&mut self, policy: &Policy, pod: &Pod, now: Moment, longest: f64) -> Worth {
        let sample = match &pod.answer {
            Answer::NotAsked => return self.recall(now),
            Answer::Told(sample) if sample.is_plausible() => *sample,
            Answer::Told(_) | Answer::Silent => {
                self.mute = true;
                return Worth::Missing;
            }
        };
        self.skipped = std::mem::take(&mut self.unasked);
        let Some((at, before)) = self.sample else {
            self.mute = false;
            return self.first(policy, pod, now, sample);
        };
        let seconds = now.seconds_since(at);
        if seconds < SHORTEST {
            return Worth::Missing;
        }
        self.mute = self.is_frozen(&before, &sample);
        if self.mute {
            return Worth::Missing;
        }
        if seconds > if self.skipped { longest.max(RECALLED) } else { longest } {
            return self.begin(now, sample);
        }
        // Counters that began again or went back say nothing about the time between: the next difference will.
        if sample.boot != before.boot || sample.arrivals < before.arrivals {
            return self.begin(now, sample);
        }
        self.sample = Some((now, sample));
        let delta = delta(policy, pod, &before, &sample, seconds);
        if delta.available > 0.0 {
            self.busiest = self.busiest.max(delta.busy / delta.available);
        }
        self.fresh(delta)
    }

    /// The judging window that ends now, if it is long enough: rate, utilisation and excess held over it.
    pub(crate) fn close_window(&mut self, policy: &Policy, pod: &Pod) -> Option<Delta> {
        let (now, sample) = self.sample?;
        let Some((since, before)) = self.window else {
            self.window = self.sample;
            return None;
        };
        let seconds = now.seconds_since(since);
        if seconds < WINDOW_SECONDS {
            return None;
        }
        self.window = self.sample;
        let busiest = std::mem::take(&mut self.busiest);
        let closed = Delta { busiest, ..delta(policy, pod, &before, &sample, seconds) };
        self.hot = closed.misses_beyond_chance(policy.least_allowed()).then_some(now);
        Some(closed)
    }

    /// A process that was starting at the last look had counted nothing then.
    fn first(&mut self, policy: &Policy, pod: &Pod, now: Moment, sample: Sample) -> Worth {
        let answer = self.begin(now, sample);
        match self.last_starting.map(|at| now.seconds_since(at)) {
            Some(seconds) if seconds >= SHORTEST && self.been_ready => {
                let unused = Sample { boot: sample.boot, ..Sample::default() };
                let counted = delta(policy, pod, &unused, &sample, seconds);
                // What it was busy with before it was ready is no cost of its requests.
                self.fresh(Delta { busy: 0.0, available: 0.0, ..counted })
            }
            _ => answer,
        }
    }

    /// Demand in requests per second as it last told, if this process has told it.
    pub(crate) fn rate_told(&self) -> Option<f64> {
        self.known.then_some(self.demand)
    }

    /// Whether it was not asked and counts with what it last told.
    pub(crate) fn is_recalled(&self, pod: &Pod, now: Moment) -> bool {
        let recent = self.sample.is_some_and(|(at, _)| now.seconds_since(at) <= RECALLED);
        pod.answer == Answer::NotAsked && recent && self.known && !self.mute
    }

    /// A pod that was not asked is worth what it last told, for a while.
    fn recall(&mut self, now: Moment) -> Worth {
        self.unasked = true;
        let recent = self.sample.is_some_and(|(at, _)| now.seconds_since(at) <= RECALLED);
        match (recent && !self.mute, self.known) {
            (false, _) => Worth::Missing,
            (true, false) => Worth::First,
            (true, true) => Worth::Recalled,
        }
    }

    fn begin(&mut self, now: Moment, sample: Sample) -> Worth {
        self.sample = Some((now, sample));
        self.window = None;
        self.unchanged = 0;
        self.known = false;
        Worth::First
    }

    fn fresh(&mut self, delta: Delta) -> Worth {
        self.known = true;
        (self.offered, self.demand) = (delta.offered / delta.seconds, delta.demand / delta.seconds);
        Worth::Fresh(delta)
    }

    /// Counters that stand still while work is in progress, or a clock that does, are no evidence.
    fn is_frozen(&mut self, before: &Sample, sample: &Sample) -> bool {
        let same_clock = sample.at_nanos == before.at_nanos && sample.at_nanos != 0;
        let same_counters = Sample { at_nanos: before.at_nanos, ..*sample } == *before;
        let working = sample.in_flight > 0.0 || sample.queued > 0.0;
        if same_counters && (working || same_clock) {
            self.unchanged = self.unchanged.saturating_add(1);
        } else {
            self.unchanged = 0;
        }
        self.unchanged >= FROZEN_LOOKS
    }
}

impl Delta {
    /// Whether more answers were bad than `allowed` (a share), by more than three standard deviations of chance.
    pub(crate) fn misses_beyond_chance(&self, allowed: f64) -> bool {
        self.excess > self.finished + 3.0 * (self.finished / allowed).sqrt()
    }
}

/// What a pod's answer is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Worth {
    /// None, or one that can't be believed.
    Missing,
    /// The first of this process: there is nothing to compare it with.
    First,
    /// None, for it was not asked: it is taken to go on as it last told.
    Recalled,
    /// What the pod did since the last one.
    Fresh(Delta),
}

fn delta(policy: &Policy, pod: &Pod, before: &Sample, after: &Sample, seconds: f64) -> Delta {
    let grown = |a: f64, b: f64| (b - a).max(0.0);
    let offered = grown(before.arrivals, after.arrivals);
    let wanted = (offered - grown(before.excluded, after.excluded)).max(0.0);
    let rejected = grown(before.rejected_overload, after.rejected_overload);
    let (busy, available) = used(pod, before, after, seconds);
    let failed = rejected + grown(before.server_errors, after.server_errors);
    let strictest = strictest(policy, before, after, rejected, failed);
    let handled = grown(before.service.count, after.service.count);
    let answered = grown(before.answers, after.answers).max(strictest.answered);
    Delta {
        busiest: 0.0,
        seconds,
        offered,
        demand: wanted * (1.0 - retried(before, after, offered)),
        finished: strictest.answered + failed,
        failed,
        served: if handled > 0.0 { handled } else { answered },
        late: std::array::from_fn(|i| {
            let late = |sample: &Sample| sample.objectives.get(i).map_or(0.0, |o| o.late);
            grown(late(before), late(after))
        }),
        excess: strictest.excess,
        excess_by_load: strictest.excess_by_load,
        busy,
        available,
        service: ServiceTime {
            count: handled,
            sum: grown(before.service.sum, after.service.sum),
            sum_of_squares: grown(before.service.sum_of_squares, after.service.sum_of_squares),
        },
        service_beyond: std::array::from_fn(|i| {
            let beyond = |sample: &Sample| sample.objectives.get(i).map_or(0.0, |o| o.service_beyond);
            grown(beyond(before), beyond(after))
        }),
    }
}

/// Worker time used and available. A server that doesn't tell how busy its workers are is judged by its CPU.
fn used(pod: &Pod, before: &Sample, after: &Sample, seconds: f64) -> (f64, f64) {
    let busy = after.busy_seconds - before.busy_seconds;
    if after.busy_seconds > 0.0 && pod.workers > 0 {
        return (busy.max(0.0), seconds * f64::from(pod.workers));
    }
    let cpu = after.cpu_seconds - before.cpu_seconds;
    if after.cpu_seconds > 0.0 && pod.cpu.0 > 0 {
        return (cpu.max(0.0), seconds * f64::from(pod.cpu.0) / 1000.0);
    }
    (0.0, 0.0)
}

struct Strictest {
    answered: f64,
    excess: f64,
    excess_by_load: f64,
}

/// Share of the arrivals that were retries. Whether those that were excluded are among them is not told, so they are
/// taken to be so as often as others.
fn retried(before: &Sample, after: &Sample, offered: f64) -> f64 {
    let retries = (after.retries - before.retries).max(0.0);
    if offered > 0.0 { (retries / offered).min(1.0) } else { 0.0 }
}

/// The objective that is missed most, relative to what it allows. Failures and rejections for overload are bad for all
/// of them, so that the server's own limiter can't hide where its capacity ends.
fn strictest(policy: &Policy, before: &Sample, after: &Sample, rejected: f64, failed: f64) -> Strictest {
    let mut worst = Strictest { answered: 0.0, excess: -1.0, excess_by_load: 0.0 };
    let counts = before.objectives.iter().zip(&after.objectives);
    for (objective, (a, b)) in policy.latency().iter().zip(counts) {
        let late = (b.late - a.late).max(0.0);
        let answered = (b.good - a.good).max(0.0) + late;
        let excess = (late + failed) / (1.0 - objective.quantile);
        if excess > worst.excess {
            let excess_by_load = (late + rejected) / (1.0 - objective.quantile);
            worst = Strictest { answered, excess, excess_by_load };
        }
    }
    worst
}
