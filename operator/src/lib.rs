//! Headroom: sizes a service so that it keeps its latency objective at the lowest cost.
//!
//! The core ([`headroom_core::decide`]) decides; here is everything around it: reading, writing, showing.

mod clock;
pub mod observe;
pub mod standalone;
pub mod validate;
