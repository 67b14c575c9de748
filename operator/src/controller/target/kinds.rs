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
/// A kind that the cluster did not know, or that could not be sized, is asked for again after so long: its definition
/// may have come, or changed.
const AGAIN: Duration = Duration::from_secs(10);

/// Kinds and their plurals, asked for once. Clones share what they know.
#[derive(Clone)]
pub struct Kinds {
    client: Client,
    known: Arc<Mutex<BTreeMap<(String, String), Known>>>,
}

/// Kinds of the group apps that every cluster has: their plurals follow the rule.
const SCALABLE: [&str; 3] = ["Deployment", "StatefulSet", "ReplicaSet"];
const UNSCALABLE: [&str; 2] = ["DaemonSet", "ControllerRevision"];

/// What a kind is to who wants to size it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizing {
    /// It is this resource, and has a scale sub-resource.
    Scales(ApiResource),
    /// It has none.
    Unscalable,
    /// The cluster knows no such kind.
    Missing,
}

/// What the cluster said about a kind, and when.
#[derive(Clone)]
struct Known {
    sizing: Sizing,
    at: Instant,
}

impl Kinds {
    /// Asks through this client.
    pub fn new(client: Client) -> Self {
        Self { client, known: Arc::default() }
    }

    /// What the kind of a target is.
    pub(super) async fn sizing(&self, target: &TargetName) -> kube::Result<Sizing> {
        let (group, version) = target.api_version.split_once('/').unwrap_or(("", &target.api_version));
        let kind = GroupVersionKind::gvk(group, version, &target.kind);
        if group == "apps" && SCALABLE.contains(&target.kind.as_str()) {
            return Ok(Sizing::Scales(ApiResource::from_gvk(&kind)));
        }
        if group == "apps" && UNSCALABLE.contains(&target.kind.as_str()) {
            return Ok(Sizing::Unscalable);
        }
        let key = (target.api_version.clone(), target.kind.clone());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known
            && (matches!(known.sizing, Sizing::Scales(_)) || known.at.elapsed() < AGAIN)
        {
            return Ok(known.sizing);
        }
        let sizing = match kube::discovery::pinned_kind(&self.client, &kind).await {
            Ok((resource, can)) if can.subresources.iter().any(|(sub, _)| sub.plural == "scale") => {
                Sizing::Scales(resource)
            }
            Ok(_) => Sizing::Unscalable,
            Err(error) if says_no_such_kind(&error) => Sizing::Missing,
            Err(error) => return Err(error),
        };
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST || all.contains_key(&key) {
            all.insert(key, Known { sizing: sizing.clone(), at: Instant::now() });
        }
        Ok(sizing)
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

    /// What says that a kind has no scale sub-resource.
    fn without_scale() -> (u16, Value) {
        let (code, mut list) = serves("Rollout");
        list["resources"].as_array_mut().unwrap().truncate(1);
        (code, list)
    }

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
        let resource = |name: &str, kind: &str| json!({ "name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": verbs });
        let resources = [resource(&plural, kind), resource(&format!("{plural}/scale"), "Scale")];
        (200, json!({ "kind": "APIResourceList", "groupVersion": "argoproj.io/v1", "resources": resources }))
    }

    #[tokio::test]
    async fn a_kind_that_exists_is_asked_for_once() {
        let (client, calls) = client(|_| serves("Rollout"));
        let kinds = Kinds::new(client);
        for _ in 0..3 {
            let sizing = kinds.sizing(&rollout()).await.unwrap();
            assert!(matches!(&sizing, Sizing::Scales(found) if found.plural == "rollouts"), "{sizing:?}");
        }
        assert_eq!(calls.taken().len(), 1);
    }

    #[rstest]
    #[case::another_kind(serves("Experiment"), Sizing::Missing)]
    #[case::no_such_group(status(404, "not found"), Sizing::Missing)]
    #[case::no_scale(without_scale(), Sizing::Unscalable)]
    #[tokio::test(start_paused = true)]
    async fn a_kind_that_cannot_be_sized_is_asked_for_again_after_a_while(
        #[case] answer: (u16, Value),
        #[case] sizing: Sizing,
    ) {
        let (client, calls) = client(move |_| answer.clone());
        let kinds = Kinds::new(client);
        for _ in 0..3 {
            assert_eq!(kinds.sizing(&rollout()).await.unwrap(), sizing);
        }
        assert_eq!(calls.taken().len(), 1);
        tokio::time::advance(AGAIN).await;
        assert_eq!(kinds.sizing(&rollout()).await.unwrap(), sizing);
        assert_eq!(calls.taken().len(), 1);
    }

    #[rstest]
    #[case("Deployment", true)]
    #[case("StatefulSet", true)]
    #[case("DaemonSet", false)]
    #[tokio::test]
    async fn what_every_cluster_has_is_not_asked_for(#[case] kind: &str, #[case] scales: bool) {
        let (client, calls) = client(|_| status(500, "broken"));
        let target = TargetName { api_version: "apps/v1".into(), kind: kind.into(), name: "orders".into() };
        let sizing = Kinds::new(client).sizing(&target).await.unwrap();
        assert_eq!(matches!(sizing, Sizing::Scales(_)), scales, "{sizing:?}");
        assert!(calls.taken().is_empty());
    }

    #[tokio::test]
    async fn a_server_that_fails_says_nothing_about_the_kind() {
        let (client, _) = client(|_| status(500, "broken"));
        assert!(Kinds::new(client).sizing(&rollout()).await.is_err());
    }
}
