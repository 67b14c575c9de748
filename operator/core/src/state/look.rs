//! What one look showed, summed up over the pods.

use super::pod::{Delta, PodMemory};
use super::sampling::{Movement, Told};
use crate::observation::Trouble;
use crate::policy::Policy;
use crate::units::Share;

/// What one look showed, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Look {
    /// Pods that serve.
    pub(crate) ready: u32,
    /// Pods on their way, the overdue ones apart.
    pub(crate) starting: u32,
    pub(crate) overdue: u32,
    /// Pods that serve or did, and those of them with a difference of counters.
    pub(crate) running: u32,
    pub(crate) fresh: u32,
    /// Pods that serve or did, answered, and have nothing to compare with yet.
    pub(crate) first: u32,
    /// Fresh pods that were not asked this time and count with what they last told; running pods that were not asked.
    pub(crate) recalled: u32,
    pub(crate) unasked: u32,
    /// Whether some pod was not asked, or told of a time in which it was not.
    pub(crate) sampled: bool,
    /// Whether the windows are not full yet after a start or a pause of our own.
    pub(crate) blind: bool,
    /// What the pods asked told, compared with what they told before.
    pub(crate) told: Told,
    pub(crate) movement: Movement,
    /// Pods that can't start, by what troubles them, and pods that the cluster refused to create.
    pub(crate) troubled: [u32; 4],
    pub(crate) refused: u32,
    /// Ready pods that miss the objectives beyond chance.
    pub(crate) hot: u32,
    /// Load taken for the pods that did not answer, and the largest seen on one pod, per second.
    pub(crate) assumed: f64,
    pub(crate) largest: f64,
    /// Worker time used and available, over the pods that answered.
    pub(crate) busy: f64,
    pub(crate) available: f64,
    /// Sums over the fresh pods: rates, and lengths of the differences.
    pub(crate) offered: f64,
    pub(crate) demand: f64,
    pub(crate) seconds: f64,
    /// Rates of pods that were told to stop and still answer.
    pub(crate) leaving_offered: f64,
    pub(crate) leaving_demand: f64,
    /// Requests that came to an end, those of them that failed, and bad over allowed, weighted with them.
    pub(crate) finished: f64,
    pub(crate) failed: f64,
    pub(crate) excess: f64,
    /// Late answers, for each latency objective.
    pub(crate) late: [f64; Policy::MAX_OBJECTIVES],
}

impl Look {
    /// Adds a pod that serves, or did.
    pub(super) fn add(&mut self, delta: &Delta, memory: &PodMemory) {
        self.fresh += 1;
        self.offered += memory.offered;
        self.demand += memory.demand;
        self.largest = self.largest.max(memory.demand);
        self.seconds += delta.seconds;
        self.add_outcomes(delta);
    }

    /// Adds a pod that serves, or did, and was not asked: it is taken to go on as it last told.
    pub(super) fn add_recalled(&mut self, memory: &PodMemory) {
        self.fresh += 1;
        self.recalled += 1;
        self.offered += memory.offered;
        self.demand += memory.demand;
        self.largest = self.largest.max(memory.demand);
    }

    /// Adds a pod that was told to stop: its load counts, its silence would not.
    pub(super) fn add_leaving(&mut self, delta: &Delta, memory: &PodMemory) {
        self.leaving_offered += memory.offered;
        self.leaving_demand += memory.demand;
        self.add_outcomes(delta);
    }

    fn add_outcomes(&mut self, delta: &Delta) {
        self.busy += delta.busy;
        self.available += delta.available;
        self.finished += delta.finished;
        self.failed += delta.failed;
        self.excess += delta.excess;
        for (sum, late) in self.late.iter_mut().zip(delta.late) {
            *sum += late;
        }
    }

    /// Pods that serve or did, and did not answer.
    pub(crate) fn missing(&self) -> u32 {
        self.running - self.fresh - self.first
    }

    /// Pods that told their load at this look.
    pub(crate) fn answered(&self) -> u32 {
        self.fresh - self.recalled
    }

    /// Pods that can't start for this trouble.
    pub(crate) fn troubled_by(&self, trouble: Trouble) -> u32 {
        self.troubled.get(trouble as usize).copied().unwrap_or_default()
    }

    /// Pods that can't start or be created.
    pub(crate) fn blocked(&self) -> u32 {
        self.troubled.iter().fold(self.refused, |sum, pods| sum.saturating_add(*pods))
    }

    /// Share of the pods that serve or did which told their load.
    pub(crate) fn fresh_share(&self) -> Share {
        if self.running > 0 {
            Share::new(f64::from(self.fresh) / f64::from(self.running))
        } else {
            Share::NONE
        }
    }

    /// Share of the workers' time that was used, over the pods that answered.
    pub(crate) fn utilization(&self) -> Share {
        if self.available > 0.0 { Share::new(self.busy / self.available) } else { Share::NONE }
    }

    /// How many times more answers were bad than the strictest objective allows.
    pub(crate) fn bad_over_allowed(&self) -> f64 {
        if self.finished > 0.0 { self.excess / self.finished } else { 0.0 }
    }
}
