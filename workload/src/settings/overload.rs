//! What the server does when more arrives than it can serve.

use std::num::NonZeroU32;

use http::HeaderName;

use crate::intake::Network;

/// Overload and fairness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overload {
    /// What decides how many requests run at the same time.
    pub admission: Admission,
    /// How long a request may wait.
    pub wait: Wait,
    /// The header in which clients say how important a request is: `critical`, `high`, `normal` or `bulk`.
    pub priority_header: HeaderName,
    /// Paths that begin so are spared while the workers' CPU is nearly used up, and others are not. Empty: all are alike.
    pub core_routes: Vec<String>,
    /// What one client may send. `None`: as much as it likes.
    pub clients: Option<ClientLimits>,
}

/// What decides how many requests run at the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Admission {
    /// Slots where they are set, what is measured elsewhere.
    #[default]
    Auto,
    /// What is measured, up to the slots.
    Adaptive,
    /// Slots; the queue has no bounds but those that are set.
    Fixed,
    /// Nothing: everything runs at once.
    Off,
}

/// How long a request may wait for a slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wait {
    /// As long as the tightest objective leaves time for it, and no longer than the queue's delay.
    #[default]
    Objective,
    /// As long as the queue's delay says: whoever sets it prefers late answers to none.
    Delay,
}

/// What one client may send: a bucket of tokens that fills at a rate, and each request takes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientLimits {
    /// Who is one client.
    pub key: ClientKey,
    /// Requests per second.
    pub rate: NonZeroU32,
    /// Requests that may come at once after a pause.
    pub burst: NonZeroU32,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

/// What tells clients apart. Without it, the address does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientKey {
    /// The value of a header.
    Header(HeaderName),
    /// The subject of the client's certificate.
    Certificate,
    /// The address, behind trusted proxies the one that they have seen. An IPv6 client is its /64.
    Address,
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            admission: Admission::default(),
            wait: Wait::default(),
            priority_header: HeaderName::from_static("x-priority"),
            core_routes: Vec::new(),
            clients: None,
        }
    }
}
