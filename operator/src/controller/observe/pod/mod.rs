//! PURE: a pod, as much of it as the controller reads.
//!
//! Pods are read from the API server as this type and not as the whole object: 50,000 of them are kept, and the whole
//! type takes 6 KB even when it is empty. What follows from a pod alone is worked out once, when it arrives.

mod address;
mod cpu;
mod state;
#[cfg(test)]
mod tests;
mod trouble;
mod wire;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use headroom_core::units::MilliCpu;
use headroom_core::{Answer, PodState, Trouble};
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Pod as WholePod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use wire::Wire;

pub use address::ADMIN_PORT;

/// A pod, as much of it as the controller reads.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Wire")]
pub struct SeenPod {
    metadata: ObjectMeta,
    id: Box<str>,
    state: PodState,
    ready_at: Option<Timestamp>,
    cpu: MilliCpu,
    revision: Box<str>,
    trouble: Option<(Trouble, Box<str>)>,
    admin: Option<SocketAddr>,
}

impl From<Wire> for SeenPod {
    fn from(pod: Wire) -> Self {
        let state = state::state(&pod);
        let running = state != PodState::Failed && state::runs(&pod);
        let trouble = trouble::trouble(&pod, state);
        Self {
            id: id(&pod.metadata).into(),
            state,
            ready_at: state::ready_at(&pod),
            cpu: cpu::cpu(&pod),
            revision: revision(&pod).into(),
            trouble: trouble.map(|(trouble, message)| (trouble, message.into())),
            admin: address::admin(&pod).filter(|_| running),
            metadata: essence(pod.metadata),
        }
    }
}

impl SeenPod {
    /// A name that no other pod has or will have, for people too: the pod's own name; where names are used again, as a
    /// `StatefulSet` does, with the beginning of the UID after it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its labels.
    pub fn labels(&self) -> Option<&BTreeMap<String, String>> {
        self.metadata.labels.as_ref()
    }

    /// Where it is in its life.
    pub fn state(&self) -> PodState {
        self.state
    }

    /// The server's admin port; `None` while there is nobody to ask.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// What keeps it from starting, and what the cluster says about it, at most 256 bytes.
    pub fn trouble(&self) -> Option<(Trouble, &str)> {
        self.trouble.as_ref().map(|(trouble, message)| (*trouble, message.as_ref()))
    }

    /// When it was created, by the cluster's clock.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.metadata.creation_timestamp.as_ref().map(|time| time.0)
    }

    /// The pod as the core sees it; `workers` is zero when unknown.
    pub(super) fn observed(&self, workers: u32, answer: Answer) -> headroom_core::Pod {
        headroom_core::Pod {
            name: self.id.clone().into(),
            state: self.state,
            created_at: self.created_at(),
            ready_at: self.ready_at,
            revision: self.revision.clone().into(),
            node_class: String::new(),
            cpu: self.cpu,
            workers,
            trouble: self.trouble.as_ref().map(|(trouble, _)| *trouble),
            answer,
        }
    }
}

impl Resource for SeenPod {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        WholePod::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        WholePod::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        WholePod::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        WholePod::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What is kept of the metadata: who it is, and its labels, for selectors.
fn essence(whole: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: whole.name,
        namespace: whole.namespace,
        uid: whole.uid,
        resource_version: whole.resource_version,
        labels: whole.labels,
        creation_timestamp: whole.creation_timestamp,
        deletion_timestamp: whole.deletion_timestamp,
        ..ObjectMeta::default()
    }
}

fn id(metadata: &ObjectMeta) -> String {
    let name = metadata.name.clone().unwrap_or_default();
    let uid = metadata.uid.as_deref().unwrap_or_default();
    // A generated name ends in a part that the API server chose at random.
    match metadata.generate_name {
        Some(_) => name,
        None => format!("{name}/{}", &uid[..uid.floor_char_boundary(8)]),
    }
}

/// The revision of the template the pod was made from: as its owner labels it, or a hash of its images.
fn revision(pod: &Wire) -> String {
    let label = |key| pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
    label("pod-template-hash").or_else(|| label("controller-revision-hash")).unwrap_or_else(|| {
        let mut hasher = DefaultHasher::new();
        pod.spec.containers.iter().for_each(|container| container.image.hash(&mut hasher));
        format!("{:08x}", hasher.finish() as u32)
    })
}
