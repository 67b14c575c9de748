//! What was really done about a decision, wherever the service runs.

use serde::Serialize;

/// What was really done about a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    /// The size was written.
    Scaled {
        /// Pods asked for before.
        from: u32,
        /// Pods asked for now.
        to: u32,
    },
    /// It is what it should be.
    Unchanged,
    /// It should be fewer, and the next look has to agree: by then the whole fleet was judged with this wish in it.
    Held,
    /// It should be another, and the mode says to leave it.
    ObserveOnly,
    /// It should be another, and another replica of the controller writes.
    Standby,
    /// It was not written.
    Refused(Refusal),
}

/// Why a size was not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "refusal", rename_all = "camelCase")]
pub enum Refusal {
    /// The object changed while we decided, several times in a row. The next look starts from what it is then.
    Conflict,
    /// Another writer keeps setting the size: writes back off.
    Contested {
        /// Field manager of that writer, where it is known.
        manager: Option<String>,
    },
    /// The decision or the lease is too old to be written.
    TooLate,
    /// The size can't be read now: it was decided on the one last known, and nothing may be written on top of that.
    Unread {
        /// What was said.
        message: String,
    },
    /// The API server said no, or nothing in time.
    Failed {
        /// What it said.
        message: String,
    },
}
