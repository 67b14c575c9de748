//! The bundled workload: the objects that a `ScaledService` owns, and the writes to the servers in its pods.
//!
//! A Deployment, a Service and a `PodDisruptionBudget`, all named like the service and owned by it: when the service is
//! deleted, Kubernetes deletes them (`kubectl delete --cascade=orphan` keeps them, and a service of the same name takes
//! them back). When a spec turns from `workload` to `scaleTargetRef`, they stay as they are and are no longer owned:
//! deleting what may still carry traffic is the user's to do.

pub mod apply;
pub mod connections;
pub mod deployment;
pub mod disruption_budget;
pub mod issuer;
pub mod labels;
pub mod live;
mod pod;
pub mod release;
pub mod runtime;
pub mod service;
pub mod token;
pub mod upkeep;

use std::num::NonZero;

use headroom_api::workload::Workload;
use headroom_api::{ScaledService, ScaledServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource as _;

use super::TargetName;

pub use apply::{ApplyError, Writer};
pub use release::Release;
pub use upkeep::{Trouble, Upkeep};

/// Names of the container's ports: requests, and the admin port.
pub const HTTP: &str = "http";
/// See [`HTTP`].
pub const ADMIN: &str = "admin";

/// What a spec leaves to the installation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Defaults {
    /// Image of pods whose spec names none.
    pub image: String,
    /// When it is pulled.
    pub pull: PullPolicy,
    /// TCP port of `/stats`, the probes and the writes.
    pub admin_port: NonZero<u16>,
    /// What servers accept writes by. `None`: not known, or they accept none.
    pub verifier: Option<Verifier>,
}

/// When the image is pulled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum PullPolicy {
    /// At every start.
    Always,
    /// When the node has not got it.
    #[default]
    IfNotPresent,
    /// Never: it has to be on the node.
    Never,
}

/// How servers recognise a token of the controller, without asking anybody. The audience is the service's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verifier {
    /// The cluster, as its tokens name it.
    pub issuer: String,
    /// The cluster's public keys: a JWK set as JSON, in the form that [`issuer`] writes.
    pub jwks: String,
    /// The controller, as its tokens name it: `system:serviceaccount:NAMESPACE:NAME`.
    pub subject: String,
}

/// A service with a workload, and what is needed to own objects in its name.
#[derive(Debug, Clone, Copy)]
pub struct Owned<'a> {
    /// The service's name, and that of its objects.
    pub name: &'a str,
    /// The namespace of all of them.
    pub namespace: &'a str,
    /// The service's UID.
    pub uid: &'a str,
    /// The whole spec.
    pub spec: &'a ScaledServiceSpec,
    /// The part about the workload.
    pub workload: &'a Workload,
    /// Pods that the service had when its status was last written.
    last_size: Option<i32>,
}

impl<'a> Owned<'a> {
    /// Of a service as the API server stores it. `None` without a workload, and for an object that is not stored.
    pub fn of(service: &'a ScaledService) -> Option<Self> {
        Some(Self {
            name: service.metadata.name.as_deref()?,
            namespace: service.metadata.namespace.as_deref()?,
            uid: service.metadata.uid.as_deref()?,
            spec: &service.spec,
            workload: service.spec.workload.as_ref()?,
            last_size: service.status.as_ref().and_then(|status| status.replicas),
        })
    }

    /// The Deployment, as the thing that is scaled.
    pub fn target(&self) -> TargetName {
        TargetName {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: self.name.to_owned(),
        }
    }

    /// What tokens for these servers are meant for.
    pub fn audience(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Pods of a Deployment that is created: as many as there last were, so that one that was deleted comes back as
    /// large as it was.
    fn first_size(&self) -> u32 {
        let last = self.last_size.and_then(|last| u32::try_from(last).ok()).unwrap_or(0);
        let most = self.spec.max_replicas.unwrap_or(u32::MAX);
        last.min(most).max(self.spec.min_replicas)
    }

    /// Name, labels and owner of each object.
    fn metadata(&self) -> ObjectMeta {
        ObjectMeta {
            name: Some(self.name.to_owned()),
            namespace: Some(self.namespace.to_owned()),
            labels: Some(labels::of_objects(self.name)),
            owner_references: Some(vec![self.reference()]),
            ..ObjectMeta::default()
        }
    }

    /// Does not hold up the service's deletion: that would take the right to set its finalizers.
    fn reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: ScaledService::api_version(&()).into_owned(),
            kind: ScaledService::kind(&()).into_owned(),
            name: self.name.to_owned(),
            uid: self.uid.to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(false),
        }
    }
}

impl PullPolicy {
    fn name(self) -> String {
        format!("{self:?}")
    }
}

#[cfg(test)]
pub(crate) mod tests;
