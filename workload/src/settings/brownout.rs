//! What the service gives up under load.

use std::path::PathBuf;

/// Brownout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrownoutSettings {
    /// The rule file, looked at each second. `None`: nothing is given up.
    pub rules: Option<PathBuf>,
}
