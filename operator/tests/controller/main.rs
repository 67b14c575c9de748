//! The whole controller against an in-memory API server on a paused clock.
#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

mod audit;
mod balance;
mod checkpoints;
mod evidence;
mod growth;
mod leaders;
mod objects;
mod outages;
mod owned;
mod rights;
mod servers;
mod targets;
mod world;
