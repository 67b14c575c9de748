//! The knee: the utilisation up to which no more answers are bad than the objectives allow.
//!
//! Each judging window of a pod gives one point: utilisation, and how many times more bad answers there were than
//! allowed. Points are kept in bins of utilisation; a queueing model stands in where few were seen; the curve through
//! them may only rise; the knee is where it reaches one.

use serde::{Deserialize, Serialize};

use crate::estimate::isotonic;

const BINS: usize = 40;
/// Half-life of the points of a bin, in windows added to it: what was seen stays until it is seen to be otherwise.
const HALF_LIFE: f64 = 60.0;
/// Windows that the model's expectation weighs.
const MODEL_WEIGHT: f64 = 3.0;
/// More than so many times too many is no worse: a bin must be able to recover.
const MOST_EXCESS: f64 = 20.0;
/// The knee lies at least at this share of what the model says: bad answers that have other causes than load must not
/// buy pods without end.
const LEAST_OF_MODEL: f64 = 0.5;
/// What was seen of another kind of pod counts so much.
const LOOSE: f64 = 0.02;
/// Windows at which confidence in the points is one half.
const HALF_CONFIDENT: f64 = 6.0;
/// What was seen to be good is given up by this part for each bad window below it.
const UNLEARN: f64 = 0.25;
/// Weight from which a bin counts as seen.
const SEEN: f64 = 0.2;
/// A knee is known when load has reached this share of it.
const REACH: f64 = 0.7;

/// Points by utilisation, and the knee last computed from them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Knee {
    bins: Vec<Bin>,
    value: f64,
    best_good: f64,
}

/// What one pod did over one judging window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// Of its workers: 0 to 1.
    pub(super) utilization: f64,
    /// Bad answers relative to those allowed.
    pub(super) bad_over_allowed: f64,
    /// How much it says: 0 to 1.
    pub(super) weight: f64,
    /// Whether more were bad than allowed, beyond chance.
    pub(super) is_bad: bool,
}

/// Decayed weight of the windows, and the sum of bad over allowed, weighted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Bin(f64, f64);

impl Knee {
    /// Adds one pod's window.
    pub(super) fn add(&mut self, point: &Point) {
        let utilization = point.utilization.clamp(0.0, 1.0);
        self.bins.resize(BINS, Bin::default());
        let place = ((utilization * BINS as f64) as usize).min(BINS - 1);
        if let Some(Bin(weight, sum)) = self.bins.get_mut(place) {
            let keep = (-point.weight / HALF_LIFE).exp2();
            *weight = *weight * keep + point.weight;
            *sum = *sum * keep + point.weight * point.bad_over_allowed.clamp(0.0, MOST_EXCESS);
        }
        if !point.is_bad {
            self.best_good = self.best_good.max(utilization);
        } else if utilization < self.best_good {
            self.best_good += UNLEARN * (utilization - self.best_good);
        }
    }

    /// Computes the knee anew. `expected` is the model's excess at a utilisation.
    pub(super) fn refresh(&mut self, expected: impl Fn(f64) -> f64) {
        let mut model = [0.0; BINS];
        let mut values = [0.0; BINS];
        let mut weights = [MODEL_WEIGHT; BINS];
        for (i, (model, value)) in model.iter_mut().zip(&mut values).enumerate() {
            *model = expected(middle(i)).clamp(0.0, MOST_EXCESS);
            *value = *model;
        }
        for ((bin, value), weight) in self.bins.iter().zip(&mut values).zip(&mut weights) {
            *weight += bin.0;
            *value = (MODEL_WEIGHT * *value + bin.1) / *weight;
        }
        isotonic::rise(&mut values, &weights);
        self.value = crossing(&values).max(LEAST_OF_MODEL * crossing(&model));
    }

    /// The knee last computed, a utilisation from 0 to 1.
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// The highest utilisation at which a whole window was within the objectives.
    pub(super) fn best_good(&self) -> f64 {
        self.best_good
    }

    /// Windows seen, older ones and those with few requests counting less.
    fn windows(&self) -> f64 {
        self.bins.iter().map(|bin| bin.0).sum()
    }

    /// The highest utilisation at which windows were seen.
    fn highest(&self) -> f64 {
        self.bins.iter().rposition(|bin| bin.0 >= SEEN).map_or(0.0, middle)
    }

    /// 0 to 1: how many windows were seen, and how near to the knee they came.
    pub(super) fn confidence(&self) -> f64 {
        let windows = self.windows();
        let seen = windows / (windows + HALF_CONFIDENT);
        let reached = if self.value > 0.0 { (self.highest() / (REACH * self.value)).min(1.0) } else { 0.0 };
        seen * reached
    }

    /// Whether it could have been learned: what is read back was in other hands.
    pub(super) fn is_plausible(&self) -> bool {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let most = HALF_LIFE * BINS as f64;
        let bin = |Bin(weight, sum): &Bin| {
            (0.0..=most).contains(weight) && (0.0..=most * MOST_EXCESS).contains(sum)
        };
        self.bins.len() <= BINS && self.bins.iter().all(bin) && share(self.value) && share(self.best_good)
    }

    /// Holds what was seen loosely: it was another kind of pod.
    pub(super) fn loosen(&mut self) {
        for bin in &mut self.bins {
            (bin.0, bin.1) = (bin.0 * LOOSE, bin.1 * LOOSE);
        }
        self.best_good = 0.0;
    }
}

fn middle(bin: usize) -> f64 {
    (bin as f64 + 0.5) / BINS as f64
}

/// Where a rising curve through the bins' middles reaches one.
fn crossing(values: &[f64]) -> f64 {
    let Some(first_over) = values.iter().position(|v| *v > 1.0) else {
        return 1.0;
    };
    let Some(below) = first_over.checked_sub(1) else {
        return middle(0);
    };
    let (a, b) = (values[below], values[first_over]);
    middle(below) + (middle(first_over) - middle(below)) * (1.0 - a) / (b - a)
}
