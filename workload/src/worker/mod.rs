//! Workers: OS threads with a single-threaded runtime each, their connections, and how their number changes.

mod crew;
mod desk;
mod entrance;
mod gauge;
mod roster;
mod thread;

pub use crew::WorkersError;
pub(crate) use crew::{Change, Crew, Runtime};
pub(crate) use desk::Desk;
pub(crate) use roster::{Command, Roster};
