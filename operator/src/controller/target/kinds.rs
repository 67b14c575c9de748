//! READ: the plural of a kind, which requests need and users don't write.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::core::{ApiResource, GroupVersionKind};
use kube::error::DiscoveryError;
use kube::{Client, Error};
use tokio::time::Instant;

use crate::controller::findings::TargetName;

/// Most kinds remembered; a cluster has a handful that scale.
const MOST: usize = 256;
/// A kind that the cluster did not know is asked for again after so long: its definition may have come.
const AGAIN: Duration = Duration::from_secs(10);

/// Kinds and their plurals, asked for once. Clones share what they know.
#[derive(Clone)]
pub struct Kinds {
    client: Client,
    known: Arc<Mutex<BTreeMap<(String, String), Known>>>,
}

/// What the cluster said about a kind.
#[derive(Clone)]
enum Known {
    /// It is this resource.
    Resource(ApiResource),
    /// At this time there was no such kind.
    Missing(Instant),
}

impl Kinds {
    /// Asks through this client.
    pub fn new(client: Client) -> Self {
        Self { client, known: Arc::default() }
    }

    /// The resource of a target; `None` where the cluster knows no such kind.
    pub(super) async fn resource(&self, target: &TargetName) -> kube::Result<Option<ApiResource>> {
        let (group, version) = target.api_version.split_once('/').unwrap_or(("", &target.api_version));
        let kind = GroupVersionKind::gvk(group, version, &target.kind);
        if group == "apps" {
            // Its kinds follow the rule, and always exist.
            return Ok(Some(ApiResource::from_gvk(&kind)));
        }
        let key = (target.api_version.clone(), target.kind.clone());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        match known {
            Some(Known::Resource(resource)) => return Ok(Some(resource)),
            Some(Known::Missing(since)) if since.elapsed() < AGAIN => return Ok(None),
            Some(Known::Missing(_)) | None => {}
        }
        let (found, known) = match kube::discovery::pinned_kind(&self.client, &kind).await {
            Ok((resource, _)) => (Some(resource.clone()), Known::Resource(resource)),
            Err(error) if says_no_such_kind(&error) => (None, Known::Missing(Instant::now())),
            Err(error) => return Err(error),
        };
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST || all.contains_key(&key) {
            all.insert(key, known);
        }
        Ok(found)
    }
}

/// The group is not served in this version, or has no such kind.
fn says_no_such_kind(error: &Error) -> bool {
    match error {
        Error::Api(status) => status.code == 404,
        Error::Discovery(error) => {
            matches!(error, DiscoveryError::MissingKind(_) | DiscoveryError::MissingResource(_))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::workload::tests::scripted::{client, status};
    use rstest::rstest;
    use serde_json::{Value, json};

    fn rollout() -> TargetName {
        TargetName {
            api_version: "argoproj.io/v1".to_owned(),
            kind: "Rollout".to_owned(),
            name: "orders".to_owned(),
        }
    }

    fn serves(kind: &str) -> (u16, Value) {
        let plural = format!("{}s", kind.to_lowercase());
        let verbs = ["get", "patch"];
        let kind =
            json!({ "name": plural, "singularName": "", "namespaced": true, "kind": kind, "verbs": verbs });
        (200, json!({ "kind": "APIResourceList", "groupVersion": "argoproj.io/v1", "resources": [kind] }))
    }

    #[tokio::test]
    async fn a_kind_that_exists_is_asked_for_once() {
        let (client, calls) = client(|_| serves("Rollout"));
        let kinds = Kinds::new(client);
        for _ in 0..3 {
            assert_eq!(kinds.resource(&rollout()).await.unwrap().unwrap().plural, "rollouts");
        }
        assert_eq!(calls.taken().len(), 1);
    }

    #[rstest]
    #[case::another_kind(serves("Experiment"))]
    #[case::no_such_group(status(404, "not found"))]
    #[tokio::test(start_paused = true)]
    async fn a_kind_that_is_missing_is_asked_for_again_after_a_while(#[case] answer: (u16, Value)) {
        let (client, calls) = client(move |_| answer.clone());
        let kinds = Kinds::new(client);
        for _ in 0..3 {
            assert_eq!(kinds.resource(&rollout()).await.unwrap(), None);
        }
        assert_eq!(calls.taken().len(), 1);
        tokio::time::advance(AGAIN).await;
        assert_eq!(kinds.resource(&rollout()).await.unwrap(), None);
        assert_eq!(calls.taken().len(), 1);
    }

    #[tokio::test]
    async fn a_server_that_fails_says_nothing_about_the_kind() {
        let (client, _) = client(|_| status(500, "broken"));
        assert!(Kinds::new(client).resource(&rollout()).await.is_err());
    }
}
