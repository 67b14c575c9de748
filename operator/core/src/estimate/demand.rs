//! Demand: what of the offered rate should buy pods, as it will be when a new pod can be ready.

use super::{noise, step, trend};
use crate::policy::Policy;
use crate::state::State;
use crate::state::load::{covered, mean};
use crate::time::Moment;
use crate::units::Rate;

/// Windows of the two means, in seconds: the fast one follows, the slow one holds through a short dip.
const FAST: f64 = 5.0;
const SLOW: f64 = 15.0;
/// Standard deviations of the fast mean that are added, so that chance alone does not starve the service.
const GUARD_DEVIATIONS: f64 = 1.0;
/// The shortest mean that is judged, in seconds.
const SHORTEST: f64 = 0.1;
/// So long after a step, in seconds, a trend of the new level can be known.
const TREND_KNOWN: f64 = 10.0;
/// Window of dispersion and trend, in seconds.
const LONG: f64 = 60.0;
/// A trend is followed over the time to ready plus this, in seconds: deciding and balancing take time too.
const REACTION: f64 = 10.0;
/// Longest horizon of a trend, in seconds, and its largest rise relative to the load.
const FARTHEST: f64 = 120.0;
const LARGEST_RISE: f64 = 1.0;
/// A rise below this part of the load is within the capacity's own error.
const SMALLEST_RISE: f64 = 0.01;

/// Demand and the parts it is made of, in requests per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Demand {
    pub(crate) offered: Rate,
    pub(crate) fast: Rate,
    pub(crate) slow: Rate,
    pub(crate) noise_guard: Rate,
    pub(crate) trend_rise: Rate,
    /// Everything but the reserve.
    pub(crate) load: Rate,
    /// The larger of load and reserve.
    pub(crate) total: Rate,
    /// The load that the last two looks agree on.
    pub(crate) confirmed: Rate,
    /// Whether the fast window was restarted at this look.
    pub(crate) stepped: bool,
}

/// What is asked of the service. Remembers a step in `state`.
pub(crate) fn demand(policy: &Policy, state: &mut State, now: Moment) -> Demand {
    let steady_since =
        state.stepped_at.filter(|at| now.seconds_since(*at) < LONG).unwrap_or_else(|| now.minus(LONG));
    let dispersion = dispersion(state, steady_since);
    let step = step::detect(&state.load, dispersion_before(state, steady_since), state.stepped_at);
    let mut demand = estimate(state, steady_since, dispersion, now);
    if step.is_some() {
        let unstepped = demand.load;
        state.stepped_at = step;
        demand = estimate(state, step.unwrap_or(steady_since), dispersion, now);
        // The new level has no trend yet: until it can have one, no less is planned for than before the step was seen.
        state.stepped_load = unstepped.max(demand.load).get();
    }
    if state.stepped_at.is_some_and(|at| now.seconds_since(at) < TREND_KNOWN) {
        demand.load = demand.load.max(Rate::new(state.stepped_load));
    }
    let confirmed = match state.load.last(2) {
        [first, second] => first.demand.min(second.demand),
        _ => 0.0,
    };
    Demand {
        total: demand.load.max(policy.reserve()),
        confirmed: Rate::new(confirmed),
        stepped: step.is_some(),
        ..demand
    }
}

/// How noisy the load is. A sample of the pods does not tell, so what was known before holds while one is taken.
fn dispersion(state: &mut State, since: Moment) -> f64 {
    let entries = state.load.since(since);
    match noise::dispersion(entries) {
        Some(known) => *state.dispersion.insert(known),
        None if entries.iter().any(|entry| entry.sampled) => state.dispersion.unwrap_or(1.0),
        None => 1.0,
    }
}

/// The same without the two looks that are judged: a step is no noise, and must not hide itself by looking like it.
fn dispersion_before(state: &State, since: Moment) -> f64 {
    let judged = state.load.last(2).len();
    let entries = state.load.since(since);
    let before = entries.get(..entries.len().saturating_sub(judged)).unwrap_or_default();
    noise::dispersion(before).or(state.dispersion).unwrap_or(1.0)
}

/// Means, noise and trend, the fast window and the trend from `since` on.
fn estimate(state: &State, since: Moment, dispersion: f64, now: Moment) -> Demand {
    let recent = state.load.since(since);
    let fast = mean(recent, FAST, |e| e.demand).unwrap_or(0.0);
    let slow = mean(state.load.since(now.minus(LONG)), SLOW, |e| e.demand).unwrap_or(0.0);
    let offered = mean(recent, FAST, |e| e.offered).unwrap_or(0.0);
    let base = fast.max(slow);
    // After a step the mean is as short as the time since; after a start of ours it is short by accident.
    let stepped = state.stepped_at == Some(since);
    let window = if stepped { covered(recent).clamp(SHORTEST, FAST) } else { FAST };
    let guard = GUARD_DEVIATIONS * noise::deviation(dispersion, base, window);
    let horizon = (state.lead.time_to_ready() + REACTION).min(FARTHEST);
    let rise =
        trend::slope(recent, dispersion).map_or(0.0, |slope| (slope * horizon).min(LARGEST_RISE * base));
    let rise = if rise < SMALLEST_RISE * base { 0.0 } else { rise };
    Demand {
        offered: Rate::new(offered),
        fast: Rate::new(fast),
        slow: Rate::new(slow),
        noise_guard: Rate::new(guard),
        trend_rise: Rate::new(rise),
        load: Rate::new(base + guard + rise),
        ..Demand::default()
    }
}
