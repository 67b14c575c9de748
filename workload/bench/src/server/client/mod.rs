//! A closed-loop client that costs less than any server: one thread, one epoll, requests as bytes made before.

mod answer;
mod connection;
mod probe;
mod request;
mod run;
#[cfg(test)]
mod tests;
mod tls;
mod wire;

pub use probe::probe;
pub use request::request;
pub use run::{Client, Sample, Target};
pub use tls::{Tls, configuration};
pub use wire::{Plain, Route, Wire};
