//! `headroom demo`: a load is played against a service in standalone mode, and judged.

mod args;
mod charts;
mod conclude;
mod page;
mod play;
mod played;
mod recording;
mod report;
mod run;
mod steps;
mod verdict;
mod view;

pub use args::Args;
