//! READ and WRITE: the object that is scaled, through its scale sub-resource and nothing else.

mod kinds;
pub mod owner;
mod refused;
pub mod writers;

pub use kinds::{Kinds, Sizing};
pub use writers::Writer;

use std::sync::Arc;

use headroom_api::ScaledService;
use k8s_openapi::api::autoscaling::v1::Scale;
use kube::api::{Patch, PatchParams};
use kube::core::{DynamicObject, ObjectMeta};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::findings::{Target, TargetName};
use super::{FIELD_MANAGER, TICK};

/// The scale sub-resources of a cluster.
#[derive(Clone)]
pub struct Scales {
    client: Client,
    kinds: Kinds,
    /// Bounds the reads under way: every tick begins one for each service, all at the same moment.
    reads: Arc<Semaphore>,
}

/// Most reads under way at a time; at 10 ms each that is 6,400 services a second.
const MOST_READS: usize = 64;

/// Why a size was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum ScaleError {
    /// There is no such object, or it has no scale sub-resource.
    #[error(
        "{0} does not exist in namespace {1}, or has no scale sub-resource: create it, or correct spec.scaleTargetRef"
    )]
    NotFound(TargetName, String),
    /// Objects of its kind have no scale sub-resource.
    #[error(
        "{0} can't be sized: a {kind} has no scale sub-resource{why}; name something that has one in \
         spec.scaleTargetRef, for example a Deployment or a StatefulSet",
        kind = .0.kind,
        why = if .0.kind == "DaemonSet" { ", for it runs one pod on each node" } else { "" }
    )]
    NoScale(TargetName),
    /// The object changed since it was read, or is another one.
    #[error("{0} changed meanwhile")]
    Conflict(TargetName),
    /// We may not.
    #[error("{0}: {1}; grant it in the controller's role (Helm value scalableKinds)")]
    Forbidden(TargetName, String),
    /// Anything else.
    #[error("{0}: {1}")]
    Failed(TargetName, String),
}

impl TargetName {
    /// What a service scales.
    pub fn of(service: &ScaledService) -> Self {
        match &service.spec.scale_target_ref {
            Some(target) => Self {
                api_version: target.api_version.clone(),
                kind: target.kind.clone(),
                name: target.name.clone(),
            },
            None => {
                Self { api_version: "apps/v1".into(), kind: "Deployment".into(), name: service.name_any() }
            }
        }
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

impl Scales {
    /// Through this client.
    pub fn new(client: Client) -> Self {
        Self { kinds: Kinds::new(client.clone()), client, reads: Arc::new(Semaphore::new(MOST_READS)) }
    }

    /// The size asked for now, with the version that a write must carry.
    pub async fn read(&self, namespace: &str, name: &TargetName) -> Result<Target, ScaleError> {
        let _turn = self.turn(name).await?;
        let scale = self.api(namespace, name).await?.get_scale(&name.name).await;
        Ok(target(name, scale.map_err(|error| failed(error, namespace, name))?))
    }

    /// Makes it `replicas`, unless the object changed since `target` was read. Returns when that was asked for. It waits for
    /// no turn: that it may be written was looked at a moment ago, and most services don't change at most ticks.
    pub async fn write(
        &self,
        namespace: &str,
        target: &Target,
        replicas: u32,
    ) -> Result<Instant, ScaleError> {
        let name = &target.name;
        let patch = json!({
            "metadata": { "uid": target.uid, "resourceVersion": target.resource_version },
            "spec": { "replicas": replicas },
        });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let api = self.api(namespace, name).await?;
        let asked = Instant::now();
        let scale = api.patch_scale(&name.name, &params, &Patch::Merge(patch)).await;
        scale.map(|_| asked).map_err(|error| failed(error, namespace, name))
    }

    /// The field manager that set the size last, if it was not us.
    pub async fn other_writer(
        &self,
        namespace: &str,
        name: &TargetName,
    ) -> Result<Option<String>, ScaleError> {
        let metadata = self.metadata(namespace, name).await?;
        Ok(writers::last_writer_of_replicas(metadata.managed_fields.as_deref().unwrap_or_default()))
    }

    /// The field manager that sets the size besides us, if one does and did not just create the object.
    pub async fn second_writer(
        &self,
        namespace: &str,
        name: &TargetName,
    ) -> Result<Option<Writer>, ScaleError> {
        Ok(writers::second_writer_of_replicas(&self.metadata(namespace, name).await?))
    }

    async fn metadata(&self, namespace: &str, name: &TargetName) -> Result<ObjectMeta, ScaleError> {
        let _turn = self.turn(name).await?;
        let object = self.api(namespace, name).await?.get_metadata(&name.name).await;
        Ok(object.map_err(|error| failed(error, namespace, name))?.metadata)
    }

    /// What the kind of a target is.
    pub async fn sizing(&self, name: &TargetName) -> kube::Result<Sizing> {
        self.kinds.sizing(name).await
    }

    /// What refuses to create further pods of the target, if the target says so: a quota, an admission rule.
    pub async fn creation_refused(
        &self,
        namespace: &str,
        name: &TargetName,
    ) -> Result<Option<String>, ScaleError> {
        let _turn = self.turn(name).await?;
        let object = self.api(namespace, name).await?.get(&name.name).await;
        Ok(refused::creation_refused(&object.map_err(|error| failed(error, namespace, name))?.data))
    }

    /// Waits for a turn to read, no longer than for an answer: who waits longer thinks about old evidence.
    async fn turn(&self, name: &TargetName) -> Result<SemaphorePermit<'_>, ScaleError> {
        let turn = timeout(TICK, self.reads.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            let message = "the API server is too slow: the questions before this one are not answered yet";
            ScaleError::Failed(name.clone(), message.to_owned())
        })
    }

    async fn api(&self, namespace: &str, name: &TargetName) -> Result<Api<DynamicObject>, ScaleError> {
        match self.kinds.sizing(name).await.map_err(|error| failed(error, namespace, name))? {
            Sizing::Scales(kind) => Ok(Api::namespaced_with(self.client.clone(), namespace, &kind)),
            Sizing::Unscalable => Err(ScaleError::NoScale(name.clone())),
            Sizing::Missing => Err(ScaleError::NotFound(name.clone(), namespace.to_owned())),
        }
    }
}

fn target(name: &TargetName, scale: Scale) -> Target {
    let status = scale.status.unwrap_or_default();
    Target {
        name: name.clone(),
        uid: scale.metadata.uid.unwrap_or_default(),
        resource_version: scale.metadata.resource_version.unwrap_or_default(),
        replicas: scale.spec.and_then(|spec| spec.replicas).unwrap_or_default().max(0) as u32,
        counted: status.replicas.max(0) as u32,
        selector: status.selector.unwrap_or_default(),
    }
}

fn failed(error: kube::Error, namespace: &str, name: &TargetName) -> ScaleError {
    let name = name.clone();
    match error {
        kube::Error::Api(status) => match status.code {
            404 => ScaleError::NotFound(name, namespace.to_owned()),
            409 => ScaleError::Conflict(name),
            403 => ScaleError::Forbidden(name, status.message.clone()),
            _ => ScaleError::Failed(name, status.message.clone()),
        },
        other => ScaleError::Failed(name, in_full(&other)),
    }
}

/// An error with its causes: kube's own text often leaves out the one that matters.
pub(super) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
