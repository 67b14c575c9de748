//! From method and URL to what is asked of which object.

use crate::{Kind, Scope};
use std::{fmt, time::Duration};

/// The verbs of Kubernetes' authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are Kubernetes' own")]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

impl Verb {
    /// Whether the verb changes something.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Patch | Self::Delete)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        })
    }
}

/// What a path names.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// A path beside the resources, such as `/version`.
    Plain(String),
    /// One object, or the collection where `name` is absent.
    Resource(Target),
}

/// The object or collection a path names.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub kind: Kind,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: Option<String>,
}

/// The query parameters the server obeys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pub labels: Option<String>,
    pub fields: Option<String>,
    pub limit: Option<usize>,
    pub proceed: Option<String>,
    pub resource_version: Option<String>,
    pub timeout: Option<Duration>,
    pub manager: Option<String>,
    pub flags: Vec<&'static str>,
}

impl Query {
    pub(crate) fn is(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }
}

/// The switches among the query parameters.
const FLAGS: [&str; 4] = ["watch", "allowWatchBookmarks", "sendInitialEvents", "force"];

pub(crate) fn query(text: &str) -> Query {
    let mut query = Query::default();
    for (name, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = decode(value);
        match name {
            "labelSelector" => query.labels = Some(value),
            "fieldSelector" => query.fields = Some(value),
            "limit" => query.limit = value.parse().ok().filter(|limit| *limit > 0),
            "continue" => query.proceed = Some(value),
            "resourceVersion" => query.resource_version = Some(value).filter(|text| !text.is_empty()),
            "timeoutSeconds" => query.timeout = value.parse().ok().map(Duration::from_secs),
            "fieldManager" => query.manager = Some(value),
            "dryRun" => query.flags.push("dryRun"),
            _ if value == "true" || value == "1" => {
                query.flags.extend(FLAGS.iter().filter(|flag| **flag == name));
            }
            _ => {}
        }
    }
    query
}

/// Undoes the percent encoding of a query value; what is no valid encoding stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The route of `path` among `kinds`; `None` for a resource nobody registered.
pub(crate) fn route(kinds: &[Kind], path: &str) -> Option<Route> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let (group, version, rest) = match segments.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => return Some(Route::Plain(path.trim_end_matches('/').to_owned())),
    };
    let find = |plural: &str, scope: Scope| {
        let same = |kind: &&Kind| kind.group == group && kind.version == version && kind.plural == plural;
        kinds.iter().filter(same).find(|kind| kind.scope == scope || scope == Scope::Cluster).copied()
    };
    let (kind, namespace, rest) = match rest {
        ["namespaces", namespace, plural, rest @ ..] if find(plural, Scope::Namespaced).is_some() => {
            (find(plural, Scope::Namespaced)?, Some((*namespace).to_owned()), rest)
        }
        [plural, rest @ ..] => (find(plural, Scope::Cluster)?, None, rest),
        [] => return None,
    };
    let text = |index: usize| rest.get(index).map(|segment: &&str| decode(segment));
    Some(Route::Resource(Target { kind, namespace, name: text(0), subresource: text(1) }))
}

/// The verb of a method on `target`.
pub(crate) fn verb(method: &http::Method, target: &Target, query: &Query) -> Option<Verb> {
    Some(match method.as_str() {
        "GET" if query.is("watch") => Verb::Watch,
        "GET" if target.name.is_none() => Verb::List,
        "GET" => Verb::Get,
        "POST" => Verb::Create,
        "PUT" => Verb::Update,
        "PATCH" => Verb::Patch,
        "DELETE" if target.name.is_some() => Verb::Delete,
        _ => return None,
    })
}
