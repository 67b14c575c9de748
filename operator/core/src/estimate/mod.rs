//! What is asked of the service, and what one pod can take.

pub(crate) mod capacity;
pub(crate) mod demand;
mod isotonic;
mod noise;
pub(crate) mod queue;
mod step;
mod trend;
