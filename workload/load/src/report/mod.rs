//! What a run leaves for others: the summary (JSON), one row per second (CSV), or both as JSON
//! lines; as types that read and write them.

mod line;
mod second;
mod summary;

pub use line::{Line, Start};
pub use second::{Second, SecondError};
pub use summary::{
    Counts, Failed, Latency, ObjectiveResult, ScheduleKept, StatusClasses, Summary, TargetSummary, Verdict,
};

/// The version of the summary written by this crate.
pub const SUMMARY_VERSION: u32 = 1;
