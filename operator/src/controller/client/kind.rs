//! What kind of call a request is: it decides how long it may take.

use std::time::Duration;

use http::{Method, Request};

use crate::controller::TICK;

/// A list may be long, and is read once.
const LIST: Duration = Duration::from_secs(30);
/// From asking for a watch to its first byte.
const WATCH: Duration = Duration::from_secs(5);

/// A kind of call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A stream of changes of the resource with this plural.
    Watch(String),
    /// All objects of a resource.
    List,
    /// Everything else: done within a tick or not at all.
    Single,
}

impl Kind {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let Some(plural) = collection(uri.path()).filter(|_| request.method() == Method::GET) else {
            return Self::Single;
        };
        let watches = |pair: &str| pair == "watch=true" || pair == "watch=1";
        match uri.query() {
            Some(query) if query.split('&').any(watches) => Self::Watch(plural.to_owned()),
            _ => Self::List,
        }
    }

    /// Longest time to the answer's head.
    pub(super) fn to_head(&self) -> Duration {
        match self {
            Self::Watch(_) => WATCH,
            Self::List => LIST,
            Self::Single => TICK,
        }
    }

    /// Longest time to the answer's end, from the request on; a watch has none.
    pub(super) fn to_end(&self) -> Option<Duration> {
        match self {
            Self::Watch(_) => None,
            Self::List => Some(LIST),
            Self::Single => Some(TICK),
        }
    }
}

/// The plural, if the path is that of all objects of a resource, in one namespace or in all.
fn collection(path: &str) -> Option<&str> {
    let mut parts = path.trim_matches('/').split('/');
    match parts.next()? {
        "api" => parts.nth(0)?,
        "apis" => parts.nth(1)?,
        _ => return None,
    };
    let parts: Vec<_> = parts.collect();
    match parts.as_slice() {
        [plural] | ["namespaces", _, plural] => Some(plural),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", "/api/v1/pods?watch=true&timeoutSeconds=30", Kind::Watch("pods".into()))]
    #[case("GET", "/api/v1/namespaces/shop/pods?limit=500", Kind::List)]
    #[case("GET", "/apis/headroom.dev/v1alpha1/scaledservices", Kind::List)]
    #[case("GET", "/apis/apps/v1/namespaces/shop/deployments/orders/scale", Kind::Single)]
    #[case("PATCH", "/apis/apps/v1/namespaces/shop/deployments/orders/scale", Kind::Single)]
    #[case("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", Kind::Single)]
    #[case("GET", "/openid/v1/jwks", Kind::Single)]
    fn the_kind_of_a_call(#[case] method: &str, #[case] uri: &str, #[case] kind: Kind) {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        assert_eq!(Kind::of(&request), kind);
    }
}
