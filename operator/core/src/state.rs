//! What is remembered of a service between two decisions.

use serde::{Deserialize, Serialize};

/// Everything remembered: counters last seen, windows, size changes noticed, what was learned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {}
