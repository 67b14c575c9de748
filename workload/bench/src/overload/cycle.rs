//! The arithmetic of steps: one cycle is some time of overload and some of calm, and many of them are laid over one
//! another in bins of 100 ms.

use std::time::Duration;

use headroom_load::account::{Ended, Failure, Outcome};

/// Width of a bin, in seconds.
pub const BIN: f64 = 0.1;

/// One cycle: it begins with the step up. Both parts are whole bins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle {
    /// Bins of overload.
    pub overload: usize,
    /// Bins of calm that follow.
    pub calm: usize,
}

/// What happened in one bin, summed over the cycles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bin {
    /// Requests intended in it.
    pub intended: u64,
    /// Of those, the ones that were answered well in the end.
    pub turned_out_well: u64,
    /// Of those, the ones that were told there is no room.
    pub rejected: u64,
    /// Good answers that came in it, whenever they were asked for.
    pub good_answers: u64,
}

/// Cycles laid over one another.
#[derive(Debug, Clone)]
pub struct Pool {
    /// How long the parts are.
    pub cycle: Cycle,
    /// How many there are.
    pub cycles: u32,
    /// By time since the step up.
    pub bins: Vec<Bin>,
    /// How long the requests intended during overload took that were not rejected, in seconds; those that were never
    /// answered count with the timeout.
    pub admitted: Vec<f64>,
    objective: f64,
    timeout: f64,
}

/// What the cycles say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Findings {
    /// Good answers per second from [`SETTLED_BY`] to the end of the overload.
    pub goodput: f64,
    /// Good answers per second over the whole overload.
    pub goodput_from_the_step: f64,
    /// From the step up to the first bin from which every bin of the overload has a goodput of at least 95 % of the
    /// capacity; `None`: never.
    pub settle: Option<Duration>,
    /// From the step down to the first bin from which, in every bin of the calm, at least 99 % of the requests intended
    /// in it turned out well; `None`: not within the calm.
    pub recover: Option<Duration>,
    /// Of the requests of [`Pool::admitted`]; 0 if there are none.
    pub p99_admitted_seconds: f64,
}

/// The bin by which a server should have settled: 500 ms.
const SETTLED_BY: usize = 5;
const SETTLED_SHARE: f64 = 0.95;
const FULL_SERVICE: f64 = 0.99;

impl Cycle {
    /// Seconds of overload.
    pub fn overload_seconds(self) -> f64 {
        self.overload as f64 * BIN
    }

    /// Seconds of calm.
    pub fn calm_seconds(self) -> f64 {
        self.calm as f64 * BIN
    }

    fn bins(self) -> usize {
        self.overload + self.calm
    }

    /// The bin of a time since the first step up; `None` before it and after the last cycle.
    fn bin_of(self, seconds: f64, cycles: u32) -> Option<usize> {
        let number = (seconds / BIN).floor();
        let all = self.bins() * cycles as usize;
        (number >= 0.0 && number < all as f64).then(|| number as usize % self.bins())
    }
}

impl Pool {
    /// Without any cycle. Both durations in seconds; an answer within `objective` is good.
    pub fn new(cycle: Cycle, objective: f64, timeout: f64) -> Self {
        let bins = vec![Bin::default(); cycle.bins()];
        Self { cycle, cycles: 0, bins, admitted: Vec::new(), objective, timeout }
    }

    /// Adds `cycles` cycles, the first of which began `lead` seconds after the schedule did.
    pub fn add(&mut self, requests: &[Ended], lead: f64, cycles: u32) {
        self.cycles += cycles;
        for request in requests {
            let intended = request.intended.as_secs_f64() - lead;
            let took = match request.outcome {
                Outcome::Answered { latency, .. } => Some(latency.as_secs_f64()),
                Outcome::Failed(_) | Outcome::Abandoned => None,
            };
            let fate = self.fate(request.outcome);
            if let Some(bin) = self.cycle.bin_of(intended, cycles) {
                self.bins[bin].intended += 1;
                self.bins[bin].turned_out_well += u64::from(fate == Fate::Good);
                self.bins[bin].rejected += u64::from(fate == Fate::Rejected);
                if bin < self.cycle.overload && matches!(fate, Fate::Good | Fate::Bad) {
                    self.admitted.push(took.unwrap_or(self.timeout));
                }
            }
            let answered = took.and_then(|took| self.cycle.bin_of(intended + took, cycles));
            if let (Some(bin), Fate::Good) = (answered, fate) {
                self.bins[bin].good_answers += 1;
            }
        }
    }

    /// What they say of a server with that capacity per second.
    pub fn findings(&self, capacity: f64) -> Findings {
        let (overload, calm) = self.bins.split_at(self.cycle.overload);
        let steady = SETTLED_BY.min(overload.len().saturating_sub(1));
        let enough = SETTLED_SHARE * capacity;
        let settled = lasting(overload, |bin| self.rate(bin.good_answers) >= enough);
        let full = |bin: &Bin| bin.turned_out_well as f64 >= FULL_SERVICE * bin.intended as f64;
        Findings {
            goodput: self.goodput_of(&overload[steady..]),
            goodput_from_the_step: self.goodput_of(overload),
            settle: settled,
            recover: lasting(calm, full),
            p99_admitted_seconds: quantile(&self.admitted, 0.99),
        }
    }

    /// A count of one bin as a rate per second.
    pub fn rate(&self, count: u64) -> f64 {
        count as f64 / (BIN * f64::from(self.cycles.max(1)))
    }

    fn goodput_of(&self, bins: &[Bin]) -> f64 {
        let answers: u64 = bins.iter().map(|bin| bin.good_answers).sum();
        self.rate(answers) / bins.len().max(1) as f64
    }

    fn fate(&self, outcome: Outcome) -> Fate {
        match outcome {
            Outcome::Answered { status: 429 | 503, .. } => Fate::Rejected,
            Outcome::Answered { status: 200..400, latency } if latency.as_secs_f64() <= self.objective => {
                Fate::Good
            }
            // Never on its way: the generator's fault, not the server's.
            Outcome::Failed(Failure::Local) | Outcome::Abandoned => Fate::Unknown,
            Outcome::Answered { .. } | Outcome::Failed(_) => Fate::Bad,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Good,
    Rejected,
    /// Late, or not answered although it was not rejected.
    Bad,
    Unknown,
}

/// The beginning of the first bin from which `holds` is true to the end.
fn lasting(bins: &[Bin], holds: impl Fn(&Bin) -> bool) -> Option<Duration> {
    let first = bins.iter().rposition(|bin| !holds(bin)).map_or(0, |last| last + 1);
    (first < bins.len()).then(|| Duration::from_millis(100) * first as u32)
}

/// The value below which that share of the values lies; 0 if there are none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
