//! A request to the API server, as its authorizer sees it.

use http::{Method, Request, header};

/// What is asked for. What does not apply is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// get, list, watch, create, update, patch, delete.
    pub verb: &'static str,
    /// The plural, such as `deployments`.
    pub resource: String,
    /// Such as `scale`.
    pub subresource: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The program that asks, as it calls itself.
    pub user_agent: String,
    /// Path and query.
    pub uri: String,
}

impl Call {
    /// Reads it from a request's head.
    pub fn of<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let mut call = Self {
            user_agent: user_agent.unwrap_or_default().to_owned(),
            uri: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            ..Self::default()
        };
        call.read_path(uri.path());
        let watches = uri.query().is_some_and(|query| query.split('&').any(is_watch));
        call.verb = match (request.method(), call.name.is_empty()) {
            (&Method::GET, _) if watches => "watch",
            (&Method::GET, true) if !call.resource.is_empty() => "list",
            (&Method::GET, _) => "get",
            (&Method::POST, _) => "create",
            (&Method::PUT, _) => "update",
            (&Method::PATCH, _) => "patch",
            (&Method::DELETE, _) => "delete",
            _ => "",
        };
        call
    }

    fn read_path(&mut self, path: &str) {
        let mut parts = path.trim_matches('/').split('/');
        let after_version = match parts.next() {
            Some("api") => parts.next(),
            Some("apis") => parts.next().and_then(|_group| parts.next()),
            _ => None,
        };
        if after_version.is_none() {
            return;
        }
        let parts: Vec<_> = parts.collect();
        let rest = match parts.as_slice() {
            // A third part makes it something in the namespace, and not the namespace itself.
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
                (*namespace).clone_into(&mut self.namespace);
                rest
            }
            rest => rest,
        };
        let part = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
        (self.resource, self.name, self.subresource) = (part(0), part(1), part(2));
    }
}

fn is_watch(pair: &str) -> bool {
    pair == "watch=true" || pair == "watch=1"
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", "/api/v1/pods?watch=true", ["watch", "pods", "", "", ""])]
    #[case("GET", "/api/v1/namespaces/shop/pods?limit=5", ["list", "pods", "", "shop", ""])]
    #[case("GET", "/api/v1/namespaces/shop", ["get", "namespaces", "", "", "shop"])]
    #[case("GET", "/apis/apps/v1/namespaces/shop/deployments/web", ["get", "deployments", "", "shop", "web"])]
    #[case("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/scale?x=y", ["patch", "deployments", "scale", "shop", "web"])]
    #[case("POST", "/apis/events.k8s.io/v1/namespaces/shop/events", ["create", "events", "", "shop", ""])]
    #[case("PUT", "/apis/coordination.k8s.io/v1/namespaces/shop/leases/l", ["update", "leases", "", "shop", "l"])]
    #[case("GET", "/version", ["get", "", "", "", ""])]
    fn a_call_is_read_from_its_path(#[case] method: &str, #[case] uri: &str, #[case] expected: [&str; 5]) {
        let request =
            Request::builder().method(method).uri(uri).header("user-agent", "headroom/1").body(()).unwrap();
        let call = Call::of(&request);
        let read = [call.verb, &call.resource, &call.subresource, &call.namespace, &call.name];
        assert_eq!(read, expected);
        assert_eq!((call.user_agent.as_str(), call.uri.as_str()), ("headroom/1", uri));
    }
}
