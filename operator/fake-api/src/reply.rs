//! What the server answers: a body, or a `Status` worded as the real server words it.

use crate::{Kind, route::Target};
use serde_json::{Value, json};
use std::time::Duration;

/// A successful answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub code: u16,
    pub body: Value,
}

impl Reply {
    pub(crate) const fn ok(body: Value) -> Self {
        Self { code: 200, body }
    }

    pub(crate) const fn created(body: Value) -> Self {
        Self { code: 201, body }
    }
}

/// A request that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub code: u16,
    pub body: Value,
    pub retry_after: Option<Duration>,
}

pub(crate) type Answer = Result<Reply, Refusal>;

impl Refusal {
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message.into(), "reason": reason, "code": code,
        });
        Self { code, body, retry_after: None }
    }

    fn about(mut self, target: &Target) -> Self {
        let kind = target.kind.resource(target.subresource.as_deref().filter(|name| *name == "scale"));
        self.body["details"] = json!({ "name": target.name, "group": target.kind.group, "kind": kind });
        self
    }

    pub(crate) fn not_found(target: &Target) -> Self {
        let message =
            format!("{} \"{}\" not found", target.kind.qualified(None), target.name.as_deref().unwrap_or(""));
        Self::new(404, "NotFound", message).about(target)
    }

    /// A path nobody registered, as for a custom resource whose definition is not installed.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.qualified(None)))
    }

    /// 409: `why` the operation does not fit the object as it is.
    pub(crate) fn conflict(target: &Target, resource: &str, why: &str) -> Self {
        let name = target.name.as_deref().unwrap_or("");
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::new(409, "Conflict", message).about(target)
    }

    pub(crate) fn modified(target: &Target) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(target, &target.kind.qualified(None), why)
    }

    pub(crate) fn invalid(target: &Target, kind: &str, why: &str) -> Self {
        let name = target.name.as_deref().unwrap_or("");
        Self::new(422, "Invalid", format!("{kind} \"{name}\" is invalid: {why}")).about(target)
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    pub(crate) fn not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    /// 403, as the authorizer words it.
    pub(crate) fn forbidden(user: &str, verb: &str, target: &Target) -> Self {
        let resource = target.kind.resource(target.subresource.as_deref());
        let place = target.namespace.as_deref().map_or_else(
            || "at the cluster scope".to_owned(),
            |namespace| format!("in the namespace \"{namespace}\""),
        );
        let name = target.name.as_deref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        let message = format!(
            "{}{name} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {place}",
            target.kind.qualified(None),
            target.kind.group
        );
        Self::new(403, "Forbidden", message).about(target)
    }

    /// A status code out of nowhere, as an overloaded server or a proxy sends it.
    pub(crate) fn scripted(code: u16, retry_after: Option<Duration>) -> Self {
        let (reason, message) = match code {
            409 => {
                ("Conflict", "the object has been modified; please apply your changes to the latest version")
            }
            410 => ("Expired", "The provided continue parameter is too old"),
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            500 => ("InternalError", "Internal error occurred: etcdserver: leader changed"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "Timeout: request did not complete within the allotted timeout"),
            _ => ("", "scripted by the test"),
        };
        let mut refusal = Self::new(code, reason, message);
        if let Some(after) = retry_after {
            refusal.body["details"] = json!({ "retryAfterSeconds": after.as_secs() });
        }
        refusal.retry_after = retry_after;
        refusal
    }
}
