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
    let dispersion = noise::dispersion(state.load.since(steady_since));
    let step = step::detect(&state.load, dispersion, state.stepped_at);
    if step.is_some() {
        state.stepped_at = step;
    }
    let since_step = step.unwrap_or(steady_since);
    let recent = state.load.since(since_step);
    let all = state.load.since(now.minus(LONG));

    let fast = mean(recent, FAST, |e| e.demand).unwrap_or(0.0);
    let slow = mean(all, SLOW, |e| e.demand).unwrap_or(0.0);
    let offered = mean(recent, FAST, |e| e.offered).unwrap_or(0.0);
    let base = fast.max(slow);
    // After a step the mean is as short as the time since; after a start of ours it is short by accident.
    let stepped = state.stepped_at == Some(since_step);
    let window = if stepped { covered(recent).clamp(f64::MIN_POSITIVE, FAST) } else { FAST };
    let guard = GUARD_DEVIATIONS * noise::deviation(dispersion, base, window);
    let horizon = (state.lead.time_to_ready() + REACTION).min(FARTHEST);
    let rise =
        trend::slope(recent, dispersion).map_or(0.0, |slope| (slope * horizon).min(LARGEST_RISE * base));
    let rise = if rise < SMALLEST_RISE * base { 0.0 } else { rise };
    let load = Rate::new(base + guard + rise);
    let confirmed = match state.load.last(2) {
        [first, second] => first.demand.min(second.demand),
        _ => 0.0,
    };
    Demand {
        offered: Rate::new(offered),
        fast: Rate::new(fast),
        slow: Rate::new(slow),
        noise_guard: Rate::new(guard),
        trend_rise: Rate::new(rise),
        load,
        total: load.max(policy.reserve()),
        confirmed: Rate::new(confirmed),
        stepped: step.is_some(),
    }
}
