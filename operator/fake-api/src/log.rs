//! The audit log: what was asked, by whom, when, and how it ended.

use crate::route::Verb;
use serde_json::Value;
use tokio::time::Instant;

/// One request, in the order of arrival.
#[derive(Debug, Clone)]
pub struct Record {
    /// When the client sent it.
    pub at: Instant,
    /// When the server handled it; `None` while it waits, and for one that a fault kept from the server.
    pub handled_at: Option<Instant>,
    /// The name given to [`crate::FakeApi::client`].
    pub client: String,
    /// The `User-Agent` header, if the client sent one.
    pub user_agent: Option<String>,
    /// What was asked.
    pub verb: Verb,
    /// API group; empty for the core group.
    pub group: String,
    /// Plural, or the path for a request beside the resources.
    pub resource: String,
    /// `scale`, `status`, ... if any.
    pub subresource: Option<String>,
    /// Namespace, if any.
    pub namespace: Option<String>,
    /// Name of the object, if any.
    pub name: Option<String>,
    /// The `fieldManager` parameter.
    pub field_manager: Option<String>,
    /// The body as sent; null without one.
    pub body: Value,
    /// The code of the answer, also of one that was lost on its way; `None` while the request waits, and for one that
    /// ended in a connection error before the server.
    pub status: Option<u16>,
}

impl Record {
    /// Whether the server handled the request and carried it out as a write.
    pub fn wrote(&self) -> bool {
        self.verb.writes() && self.handled_at.is_some() && self.status.is_some_and(|code| code < 300)
    }

    /// `patch deployments/scale default/web`: for messages and for comparing two runs.
    pub fn line(&self) -> String {
        let subresource = self.subresource.as_deref().map(|name| format!("/{name}")).unwrap_or_default();
        let place: Vec<&str> =
            [self.namespace.as_deref(), self.name.as_deref()].into_iter().flatten().collect();
        format!("{} {}{subresource} {}", self.verb, self.resource, place.join("/")).trim_end().to_owned()
    }

    /// `spec.replicas` of the body: the size a write of `/scale` asked for.
    pub fn replicas(&self) -> Option<i64> {
        self.body.pointer("/spec/replicas")?.as_i64()
    }
}
