//! A closed-loop client that costs less than any server: one thread, one epoll, requests as bytes made before.

mod answer;
mod connection;
mod probe;
mod request;
mod run;
mod wire;

pub use probe::probe;
pub use request::request;
pub use run::{Client, Sample, Target};
pub use wire::{Plain, Wire};
