//! The decision: what size a service should have, given everything seen of it.
//!
//! Pure: no clock, no IO, no log (`clippy.toml` beside this crate's manifest bans them). The controller, standalone
//! mode, the simulator and the tests all call the same [`decide`].

pub mod decision;
pub mod observation;
pub mod policy;
pub mod state;
pub mod units;

use jiff::Timestamp;

pub use decision::{Decision, Numbers, Reason, ReasonCode};
pub use observation::{Answered, Observation, Pod, PodState, Sample, ServiceTime};
pub use policy::{Policy, PolicyError, PolicySpec};
pub use state::State;

/// What to do about one service, given everything known about it.
///
/// Pure: equal arguments give equal answers. `now` is an argument so that a test or a simulator can be the clock; it
/// must not go backwards from call to call.
pub fn decide(policy: &Policy, state: State, seen: &Observation, now: Timestamp) -> (Decision, State) {
    let decision = Decision {
        now,
        target_replicas: seen.replicas.max(policy.min_replicas()),
        workers: None,
        cpu_millis: None,
        reasons: Vec::new(),
        numbers: Numbers::default(),
        look_again_seconds: 1.0,
    };
    (decision, state)
}
