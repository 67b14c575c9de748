//! READ: the plural of a kind, which requests need and users don't write.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::Client;
use kube::core::{ApiResource, GroupVersionKind};

use crate::controller::findings::TargetName;

/// Most kinds remembered; a cluster has a handful that scale.
const MOST: usize = 256;

/// Kinds and their plurals, asked for once. Clones share what they know.
#[derive(Clone)]
pub struct Kinds {
    client: Client,
    known: Arc<Mutex<BTreeMap<(String, String), ApiResource>>>,
}

impl Kinds {
    /// Asks through this client.
    pub fn new(client: Client) -> Self {
        Self { client, known: Arc::default() }
    }

    /// The resource of a target.
    pub(super) async fn resource(&self, target: &TargetName) -> kube::Result<ApiResource> {
        let (group, version) = target.api_version.split_once('/').unwrap_or(("", &target.api_version));
        let kind = GroupVersionKind::gvk(group, version, &target.kind);
        if group == "apps" {
            // Its kinds follow the rule, and always exist.
            return Ok(ApiResource::from_gvk(&kind));
        }
        let key = (target.api_version.clone(), target.kind.clone());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let (resource, _) = kube::discovery::pinned_kind(&self.client, &kind).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            known.insert(key, resource.clone());
        }
        Ok(resource)
    }
}
