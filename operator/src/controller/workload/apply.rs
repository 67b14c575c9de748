//! WRITE: brings the owned objects to what the spec says. Creates, reads and patches, and never deletes.

mod error;

pub use error::ApplyError;

use std::fmt::{self, Debug};

use futures::{FutureExt as _, join};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::disruption_budget::disruption_budget;
use super::service::service;
use super::{Defaults, Owned, deployment, labels, live};
use crate::controller::FIELD_MANAGER;
use crate::controller::leader::Leadership;

/// Longest message of the API server that is passed on, in bytes.
const MESSAGE: usize = 1024;

/// The API server, and whether it may be written to: asked right before each write, for reads take their time.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// The API server.
    pub client: &'a Client,
    /// Whether we lead.
    pub leadership: &'a Leadership,
}

/// Whether there is a Deployment of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// There is: it can be scaled.
    Ours,
    /// There is none, or it is somebody else's.
    Absent,
    /// It could not be told.
    Unknown,
}

/// The objects after an attempt to apply them.
#[derive(Debug)]
pub struct Attempted {
    /// What came of it.
    pub result: Result<(), ApplyError>,
    /// Whether there is something to scale, whatever came of it.
    pub deployment: Presence,
}

/// Applies all three objects. Nothing is written while one of them is somebody else's.
pub async fn apply(writer: Writer<'_>, owned: &Owned<'_>, defaults: &Defaults) -> Attempted {
    let mut deployment = Presence::Unknown;
    let result = apply_all(writer, owned, defaults, &mut deployment).await;
    Attempted { result, deployment }
}

async fn apply_all(
    writer: Writer<'_>,
    owned: &Owned<'_>,
    defaults: &Defaults,
    presence: &mut Presence,
) -> Result<(), ApplyError> {
    check(owned, defaults)?;
    let deployments = Objects::<Deployment>::new(writer, owned);
    let services = Objects::<Service>::new(writer, owned);
    let budgets = Objects::<PodDisruptionBudget>::new(writer, owned);
    let (found, service_found, budget_found) =
        join!(deployments.find().boxed(), services.find().boxed(), budgets.find().boxed());
    *presence = match &found {
        Ok(Some(_)) => Presence::Ours,
        Ok(None) | Err(ApplyError::NotOurs { .. }) => Presence::Absent,
        Err(_) => Presence::Unknown,
    };
    let (found, service_found, budget_found) = (found?, service_found?, budget_found?);
    let (deployed, served, budgeted) = join!(
        apply_deployment(&deployments, owned, defaults, found, presence).boxed(),
        services.apply(service(owned), service_found).boxed(),
        budgets.apply(disruption_budget(owned), budget_found).boxed(),
    );
    deployed?;
    served?;
    budgeted
}

async fn apply_deployment(
    deployments: &Objects<'_, Deployment>,
    owned: &Owned<'_>,
    defaults: &Defaults,
    found: Option<Deployment>,
    presence: &mut Presence,
) -> Result<(), ApplyError> {
    let found = match found {
        Some(found) => found,
        None => deployments.create(&deployment::seed(owned, defaults)).await?,
    };
    *presence = Presence::Ours;
    let wanted = deployment::applied(owned, defaults, Some(&found));
    deployments.apply(wanted, Some(found)).await
}

/// What the schema can't see: it knows neither the admin port nor the controller's variables.
fn check(owned: &Owned<'_>, defaults: &Defaults) -> Result<(), ApplyError> {
    if owned.workload.port == defaults.admin_port.get() {
        let port = owned.workload.port;
        let message = format!("spec.workload.port: {port} is the admin port of the pods: choose another one");
        return Err(ApplyError::Invalid(message));
    }
    let reserved = |name: &str| live::RESERVED.contains(&name);
    match owned.workload.pod.env.iter().find(|variable| reserved(&variable.name)) {
        Some(variable) => Err(ApplyError::Invalid(format!(
            "spec.workload.pod.env: {} is set by the controller: remove it",
            variable.name
        ))),
        None => Ok(()),
    }
}

/// The object of one kind.
struct Objects<'a, K> {
    api: Api<K>,
    owned: &'a Owned<'a>,
    leadership: &'a Leadership,
}

impl<'a, K> Objects<'a, K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    fn new(writer: Writer<'a>, owned: &'a Owned<'a>) -> Self {
        let api = Api::namespaced(writer.client.clone(), owned.namespace);
        Self { api, owned, leadership: writer.leadership }
    }

    /// The object, if there is one; an error if it is not ours.
    async fn find(&self) -> Result<Option<K>, ApplyError> {
        let found = self.api.get_opt(self.owned.name).await.map_err(|error| self.failed(&error))?;
        match found {
            Some(found) => self.ours(found).map(Some),
            None => Ok(None),
        }
    }

    fn ours(&self, found: K) -> Result<K, ApplyError> {
        let owner =
            found.meta().owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
        let is_ours = match owner {
            Some(owner) => owner.uid == self.owned.uid,
            // What a service of this name left behind when it was deleted, or what somebody has labelled so.
            None => labels::claimed(found.meta().labels.as_ref(), self.owned.name),
        };
        if is_ours {
            return Ok(found);
        }
        let owner = owner.map(|owner| format!("{}/{}", owner.kind, owner.name));
        let labels = labels::claim(self.owned.name);
        Err(ApplyError::NotOurs { object: self.to_string(), owner, labels })
    }

    async fn create(&self, wanted: &K) -> Result<K, ApplyError> {
        self.may_write()?;
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        self.api.create(&params, wanted).await.map_err(|error| self.failed(&error))
    }

    /// Applies over exactly the object that was found, or else creates it.
    async fn apply(&self, mut wanted: K, found: Option<K>) -> Result<(), ApplyError> {
        let mut params = PatchParams::apply(FIELD_MANAGER);
        if let Some(found) = found {
            // Another object of the same name is not written to, a deleted one is not brought back, and one that
            // changed since is read again first.
            let (meta, found) = (wanted.meta_mut(), found.meta());
            meta.uid.clone_from(&found.uid);
            meta.resource_version.clone_from(&found.resource_version);
            params = params.force();
        }
        self.may_write()?;
        let applied = self.api.patch(self.owned.name, &params, &Patch::Apply(&wanted)).await;
        applied.map(drop).map_err(|error| self.failed(&error))
    }

    fn may_write(&self) -> Result<(), ApplyError> {
        if self.leadership.may_write(Instant::now()) {
            return Ok(());
        }
        let message = "the lease ran out meanwhile".to_owned();
        Err(ApplyError::Unavailable { object: self.to_string(), message })
    }

    fn failed(&self, error: &kube::Error) -> ApplyError {
        let object = self.to_string();
        match error {
            kube::Error::Api(status) if is_final(status.code) => {
                ApplyError::Refused { object, message: shortened(&status.message) }
            }
            kube::Error::Api(status) if status.code == 409 => {
                ApplyError::Conflict { object, message: shortened(&status.message) }
            }
            kube::Error::Api(status) => {
                ApplyError::Unavailable { object, message: shortened(&status.message) }
            }
            other => ApplyError::Unavailable { object, message: shortened(&other.to_string()) },
        }
    }
}

impl<K: Resource<DynamicType = ()>> fmt::Display for Objects<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", K::kind(&()), self.owned.name)
    }
}

/// Whether the same write would get the same answer again. A conflict would not: the next look sees who else wrote.
pub(super) fn is_final(code: u16) -> bool {
    (400..500).contains(&code) && ![408, 409, 410, 429].contains(&code)
}

fn shortened(message: &str) -> String {
    message[..message.floor_char_boundary(MESSAGE)].to_owned()
}

#[cfg(test)]
mod tests;
