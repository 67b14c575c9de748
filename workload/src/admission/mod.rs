//! Admission: the one place where requests wait, over all workers.
//!
//! [`machine`] holds the rules as plain synchronous code over invented times; [`gate`] puts it behind a lock, hands
//! requests to the workers chosen, and answers those turned away.

mod gate;
mod machine;
mod tally;

pub(crate) use gate::{Entry, Errand, Gate, Job, Permit};
pub(crate) use machine::{Rules, WorkerId};
pub(crate) use tally::Rejection;
