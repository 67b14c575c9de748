//! What a run leaves for others: the summary (JSON) and one row per second (CSV), as types that read and write them.

mod second;
mod summary;

pub use second::{Second, SecondError};
pub use summary::{
    Counts, Failed, Latency, ObjectiveResult, ScheduleKept, StatusClasses, Summary, TargetSummary, Verdict,
};

/// The version of the summary written by this crate.
pub const SUMMARY_VERSION: u32 = 1;
