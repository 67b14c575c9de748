//! One request, taken apart.

use crate::{
    managers::Writer,
    route::{Query, Target, Verb},
    store::Key,
};
use serde_json::Value;

/// How the body of a PATCH is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Merge,
    Strategic,
    Apply,
}

impl PatchKind {
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        match content_type {
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            "application/apply-patch+yaml" | "application/apply-patch+cbor" => Some(Self::Apply),
            _ => None,
        }
    }
}

/// One request for a resource.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub client: String,
    pub verb: Verb,
    pub target: Target,
    pub query: Query,
    pub patch: Option<PatchKind>,
    pub body: Value,
    /// Answer reads as of this version.
    pub at: Option<u64>,
}

impl Ask {
    pub(crate) fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(&self.target.kind, self.target.namespace.as_deref(), self.name())
    }

    pub(crate) fn subresource(&self) -> Option<&str> {
        self.target.subresource.as_deref()
    }

    /// Who writes: the field manager, or the client's name where the request names none.
    pub(crate) fn writer(&self, time: String) -> Writer {
        let operation = if self.patch == Some(PatchKind::Apply) { "Apply" } else { "Update" };
        Writer {
            manager: self.query.manager.clone().unwrap_or_else(|| self.client.clone()),
            operation,
            subresource: self.target.subresource.clone(),
            api_version: self.target.kind.api_version(),
            time,
        }
    }
}
