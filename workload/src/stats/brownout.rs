//! What [`Stats`](super::Stats) says about brownout.

use serde::{Deserialize, Serialize};

/// How much of the service is given up, where there is a rule file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BrownoutStats {
    /// 0: nothing, 1: extras, 2: freshness, 3: everything.
    pub level: u8,
    /// Whether the rules of the file that is there now are in force; else those it had before.
    pub rules_valid: bool,
}
