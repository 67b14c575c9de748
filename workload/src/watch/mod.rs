//! What the control thread watches, which is never pinned and never runs a request.

mod machine;
mod pulse;
mod stalls;

pub(crate) use machine::follow_machine;
pub(crate) use pulse::{Pulses, Stalls};
pub(crate) use stalls::watch_pulses;
