//! What the server does when more arrives than it can serve.

use http::HeaderName;

/// Overload and fairness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overload {
    /// Whether the number of requests that run at the same time follows what is measured.
    pub adaptive_limit: AdaptiveLimit,
    /// The header in which clients say how important a request is: `critical`, `high`, `normal` or `bulk`.
    pub priority_header: HeaderName,
}

/// Whether the number of requests that run at the same time follows what is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AdaptiveLimit {
    /// Where no slots are set.
    #[default]
    WithoutSlots,
    /// Always; slots are the upper bound.
    On,
    /// Never.
    Off,
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            adaptive_limit: AdaptiveLimit::default(),
            priority_header: HeaderName::from_static("x-priority"),
        }
    }
}
