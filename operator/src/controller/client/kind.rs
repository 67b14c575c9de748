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
    /// A stream of changes of the objects under this path.
    Watch(String),
    /// All objects under this path.
    List(String),
    /// Everything else: done within a tick or not at all.
    Single,
}

impl Kind {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        if request.method() != Method::GET || !is_collection(uri.path()) {
            return Self::Single;
        }
        let path = uri.path().to_owned();
        let watches = |pair: &str| pair == "watch=true" || pair == "watch=1";
        match uri.query() {
            Some(query) if query.split('&').any(watches) => Self::Watch(path),
            _ => Self::List(path),
        }
    }

    /// Longest time to the answer's head.
    pub(super) fn to_head(&self) -> Duration {
        match self {
            Self::Watch(_) => WATCH,
            Self::List(_) => LIST,
            Self::Single => TICK,
        }
    }

    /// Longest time to the answer's end, from the request on; a watch has none.
    pub(super) fn to_end(&self) -> Option<Duration> {
        match self {
            Self::Watch(_) => None,
            Self::List(_) => Some(LIST),
            Self::Single => Some(TICK),
        }
    }
}

/// Whether the path is that of all objects of a resource, in one namespace or in all.
fn is_collection(path: &str) -> bool {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    let below_version = match parts.as_slice() {
        ["api", _, below @ ..] | ["apis", _, _, below @ ..] => below,
        _ => return false,
    };
    matches!(below_version, [_] | ["namespaces", _, _])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", "/api/v1/pods?watch=true&timeoutSeconds=30", Kind::Watch("/api/v1/pods".into()))]
    #[case("GET", "/api/v1/namespaces/shop/pods?limit=500", Kind::List("/api/v1/namespaces/shop/pods".into()))]
    #[case("GET", "/apis/headroom.dev/v1alpha1/scaledservices", Kind::List("/apis/headroom.dev/v1alpha1/scaledservices".into()))]
    #[case("GET", "/api/v1/namespaces/shop", Kind::Single)]
    #[case("GET", "/apis/apps/v1/namespaces/shop/deployments/orders/scale", Kind::Single)]
    #[case("PATCH", "/apis/apps/v1/namespaces/shop/deployments/orders/scale", Kind::Single)]
    #[case("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", Kind::Single)]
    #[case("GET", "/openid/v1/jwks", Kind::Single)]
    fn the_kind_of_a_call(#[case] method: &str, #[case] uri: &str, #[case] kind: Kind) {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        assert_eq!(Kind::of(&request), kind);
    }
}
