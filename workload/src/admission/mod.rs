//! Admission: the one place where requests wait, over all workers.
//!
//! [`machine`] holds the rules as plain synchronous code over invented times; [`gate`] puts it behind a lock, hands
//! requests to the workers chosen, and answers those turned away; [`home`] is the way around that lock while nothing
//! waits.

mod class;
mod gate;
mod home;
mod lane;
mod limit;
mod machine;
mod meter;
mod notice;
mod outlook;
mod patience;
mod post;
mod queue;
mod tally;

pub(crate) use class::Class;
pub(crate) use gate::{Entry, Errand, Gate, Job};
pub(crate) use home::{Home, Permit};
pub(crate) use limit::{Limiter, Window};
pub(crate) use machine::{Marks, Rules, WorkerId};
pub(crate) use tally::Rejection;
