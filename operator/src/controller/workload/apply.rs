//! WRITE: brings the owned objects to what the spec says. Creates, reads and patches, and never deletes.

use std::fmt::{self, Debug};

use futures::{FutureExt as _, join, try_join};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disruption_budget::disruption_budget;
use super::service::service;
use super::{Defaults, Owned, deployment, live};
use crate::controller::{FIELD_MANAGER, TargetName};

/// Longest message of the API server that is passed on, in bytes.
const MESSAGE: usize = 1024;

/// Why an owned object is not what the spec says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Something of this name is there, and is not ours.
    #[error(
        "{object} exists and is not owned by this ScaledService, so it is left alone: delete or rename it, give the \
         ScaledService another name, or size it as it is with spec.scaleTargetRef in place of spec.workload{beside}",
        beside = match .owner { Some(owner) => format!(" (it is owned by {owner})"), None => String::new() }
    )]
    NotOurs {
        /// Kind and name.
        object: String,
        /// Kind and name of what owns it, if anything does.
        owner: Option<String>,
    },
    /// The spec asks for something that can't be.
    #[error("{0}")]
    Invalid(String),
    /// The API server said no.
    #[error("the API server refused {object}: {message}")]
    Refused {
        /// Kind and name.
        object: String,
        /// What it said.
        message: String,
    },
    /// Nothing was decided about it: no answer, a conflict, or an error of the API server's own.
    #[error("{object} could not be applied now and will be tried again: {message}")]
    Unavailable {
        /// Kind and name.
        object: String,
        /// What was said.
        message: String,
    },
}

impl ApplyError {
    /// Whether the answer may be another one soon, with the same spec.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Applies all three objects. Nothing is written while one of them is somebody else's.
pub async fn apply(
    client: &Client,
    owned: &Owned<'_>,
    defaults: &Defaults,
) -> Result<TargetName, ApplyError> {
    check(owned, defaults)?;
    let deployments = Objects::<Deployment>::new(client, owned);
    let services = Objects::<Service>::new(client, owned);
    let budgets = Objects::<PodDisruptionBudget>::new(client, owned);
    let (found, service_found, budget_found) =
        try_join!(deployments.find().boxed(), services.find().boxed(), budgets.find().boxed())?;
    let (deployed, served, budgeted) = join!(
        apply_deployment(&deployments, owned, defaults, found).boxed(),
        services.apply(service(owned), service_found).boxed(),
        budgets.apply(disruption_budget(owned), budget_found).boxed(),
    );
    deployed?;
    served?;
    budgeted?;
    Ok(owned.target())
}

async fn apply_deployment(
    deployments: &Objects<'_, Deployment>,
    owned: &Owned<'_>,
    defaults: &Defaults,
    found: Option<Deployment>,
) -> Result<(), ApplyError> {
    let found = match found {
        Some(found) => found,
        None => deployments.create(&deployment::seed(owned, defaults)).await?,
    };
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
}

impl<'a, K> Objects<'a, K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    fn new(client: &Client, owned: &'a Owned<'a>) -> Self {
        Self { api: Api::namespaced(client.clone(), owned.namespace), owned }
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
        if owner.is_some_and(|owner| owner.uid == self.owned.uid) {
            return Ok(found);
        }
        let owner = owner.map(|owner| format!("{}/{}", owner.kind, owner.name));
        Err(ApplyError::NotOurs { object: self.to_string(), owner })
    }

    async fn create(&self, wanted: &K) -> Result<K, ApplyError> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        self.api.create(&params, wanted).await.map_err(|error| self.failed(&error))
    }

    /// Applies over exactly the object that was found, or else creates it.
    async fn apply(&self, mut wanted: K, found: Option<K>) -> Result<(), ApplyError> {
        let mut params = PatchParams::apply(FIELD_MANAGER);
        if let Some(found) = found {
            // Another object of the same name is not written to, and a deleted one is not brought back.
            wanted.meta_mut().uid.clone_from(&found.meta().uid);
            params = params.force();
        }
        let applied = self.api.patch(self.owned.name, &params, &Patch::Apply(&wanted)).await;
        applied.map(drop).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &kube::Error) -> ApplyError {
        let object = self.to_string();
        match error {
            kube::Error::Api(status) if is_final(status.code) => {
                ApplyError::Refused { object, message: shortened(&status.message) }
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
fn is_final(code: u16) -> bool {
    (400..500).contains(&code) && ![408, 409, 410, 429].contains(&code)
}

fn shortened(message: &str) -> String {
    message[..message.floor_char_boundary(MESSAGE)].to_owned()
}

#[cfg(test)]
mod tests;
