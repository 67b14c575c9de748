//! A run as JSON lines, written by `--json-lines`: for who reads a log, as of a Job in a cluster.

use serde::{Deserialize, Serialize};

use super::{Second, Summary};

/// One line. The start comes first, then each second once all of its requests have ended, and the summary last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    /// Written before the first request is sent.
    Start(Start),
    /// One second of the schedule.
    Second(Second),
    /// The whole run.
    Summary(Box<Summary>),
}

/// When and where to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// When second 0 of the schedule begins, after the warm-up: seconds since 1970 by the generator's wall clock.
    pub at_unix_seconds: f64,
    /// The targets' URLs.
    pub targets: Vec<String>,
}

impl Line {
    /// Without its end.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}
