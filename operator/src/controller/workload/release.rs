//! WRITE: gives up the objects of a service that has no workload any more: they would be deleted with it, and one of
//! them may be what it sizes now.

use std::fmt::Debug;
use std::time::Duration;

use headroom_api::ScaledService;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, ObjectMeta, Patch, PatchParams};
use kube::{Client, Error, Resource};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

use super::apply::{ApplyError, Writer, is_final};
use crate::controller::FIELD_MANAGER;

/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(10);

/// What is remembered of the former objects of one service.
#[derive(Debug, Default)]
pub struct Release {
    /// The generation of the service at which none of them was its own.
    free_at: Option<i64>,
    failed: Option<(Instant, ApplyError)>,
}

impl Release {
    /// Gives up what the service owned while it had a workload: asked once for each of its generations. The error is
    /// that of the last attempt.
    pub async fn keep(
        &mut self,
        writer: Writer<'_>,
        service: &ScaledService,
        now: Instant,
    ) -> Result<(), ApplyError> {
        let Some(former) = Former::of(service) else { return Ok(()) };
        if self.free_at == Some(former.generation) {
            return Ok(());
        }
        if let Some((_, error)) = self.failed.as_ref().filter(|(at, _)| now.duration_since(*at) < RETRY) {
            return Err(error.clone());
        }
        match release(writer, &former).await {
            Ok(()) => {
                *self = Self { free_at: Some(former.generation), failed: None };
                Ok(())
            }
            Err(error) => {
                self.failed = Some((now, error.clone()));
                Err(error)
            }
        }
    }
}

/// Who owned them; they have its name.
struct Former<'a> {
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
    generation: i64,
}

impl<'a> Former<'a> {
    fn of(service: &'a ScaledService) -> Option<Self> {
        Some(Self {
            namespace: service.metadata.namespace.as_deref()?,
            name: service.metadata.name.as_deref()?,
            uid: service.metadata.uid.as_deref()?,
            generation: service.metadata.generation?,
        })
    }
}

/// The Deployment comes last: it tells whether there may be others.
async fn release(writer: Writer<'_>, former: &Former<'_>) -> Result<(), ApplyError> {
    let Some(deployment) = owned::<Deployment>(writer.client, former).await? else { return Ok(()) };
    if let Some(service) = owned::<Service>(writer.client, former).await? {
        give_up::<Service>(writer, former, &service).await?;
    }
    if let Some(budget) = owned::<PodDisruptionBudget>(writer.client, former).await? {
        give_up::<PodDisruptionBudget>(writer, former, &budget).await?;
    }
    give_up::<Deployment>(writer, former, &deployment).await
}

/// The object of this kind, if it is the service's. Who may not read it has never made it.
async fn owned<K>(client: &Client, former: &Former<'_>) -> Result<Option<ObjectMeta>, ApplyError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    match Api::<K>::namespaced(client.clone(), former.namespace).get_metadata_opt(former.name).await {
        Ok(found) => {
            let ours = |meta: &ObjectMeta| {
                meta.owner_references.iter().flatten().any(|owner| owner.uid == former.uid)
            };
            Ok(found.map(|found| found.metadata).filter(ours))
        }
        Err(Error::Api(status)) if status.code == 403 => Ok(None),
        Err(error) => {
            Err(ApplyError::Unavailable { object: object::<K>(former), message: error.to_string() })
        }
    }
}

/// Removes our owner reference from exactly the object that was found; those of others stay.
async fn give_up<K>(writer: Writer<'_>, former: &Former<'_>, found: &ObjectMeta) -> Result<(), ApplyError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    if !writer.leadership.may_write(Instant::now()) {
        let object = object::<K>(former);
        return Err(ApplyError::Unavailable { object, message: "the lease ran out meanwhile".to_owned() });
    }
    let others: Vec<_> =
        found.owner_references.iter().flatten().filter(|owner| owner.uid != former.uid).collect();
    let patch = json!({
        "metadata": { "uid": found.uid, "resourceVersion": found.resource_version, "ownerReferences": others },
    });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let api = Api::<K>::namespaced(writer.client.clone(), former.namespace);
    let released = api.patch_metadata(former.name, &params, &Patch::Merge(&patch)).await;
    released.map_err(|error| {
        let (object, message) = (object::<K>(former), error.to_string());
        match error {
            Error::Api(status) if is_final(status.code) => ApplyError::StillOwned { object, message },
            _ => ApplyError::Unavailable { object, message },
        }
    })?;
    tracing::info!(
        namespace = former.namespace,
        object = object::<K>(former),
        "no longer owned: its service has no workload"
    );
    Ok(())
}

fn object<K: Resource<DynamicType = ()>>(former: &Former<'_>) -> String {
    format!("{}/{}", K::kind(&()), former.name)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, Ordering};

    use serde_json::Value;

    use super::*;
    use crate::controller::leader::Leadership;
    use crate::controller::workload::tests::scripted::{Call, client, status};
    use crate::controller::workload::tests::stored;

    const TARGET: &str = "  scaleTargetRef: { kind: Deployment, name: orders }\n";

    fn found(uid: &str) -> Value {
        let owner = |uid: &str| {
            json!({ "apiVersion": "headroom.dev/v1alpha1", "kind": "ScaledService", "name": "orders", "uid": uid,
                "controller": uid == "uid-of-orders" })
        };
        let owners = json!([owner(uid), owner("another")]);
        json!({ "metadata": { "name": "orders", "uid": "o1", "resourceVersion": "7", "ownerReferences": owners } })
    }

    async fn keep(release: &mut Release, client: &Client, now: Instant) -> Result<(), ApplyError> {
        let writer = Writer { client, leadership: &Leadership::lasting() };
        release.keep(writer, &stored(TARGET), now).await
    }

    #[tokio::test]
    async fn what_a_workload_left_behind_is_given_up_once() {
        let (client, calls) = client(|_| (200, found("uid-of-orders")));
        let (mut release, now) = (Release::default(), Instant::now());
        keep(&mut release, &client, now).await.unwrap();
        let writes: Vec<_> = calls.taken().into_iter().filter(|call| call.method != "GET").collect();
        let [service, budget, deployment] = writes.as_slice() else { panic!("{writes:?}") };
        assert!(service.path.contains("/services/") && budget.path.contains("/poddisruptionbudgets/"));
        assert!(deployment.path.contains("/deployments/"), "{}", deployment.path);
        for Call { body, query, .. } in &writes {
            let owners = body["metadata"]["ownerReferences"].as_array().unwrap();
            assert_eq!(owners.len(), 1, "others keep theirs: {body}");
            assert_eq!(owners[0]["uid"], "another");
            assert_eq!(
                (&body["metadata"]["uid"], &body["metadata"]["resourceVersion"]),
                (&json!("o1"), &json!("7"))
            );
            assert!(query.contains("fieldManager=headroom"), "{query}");
        }
        keep(&mut release, &client, now).await.unwrap();
        assert!(calls.taken().is_empty());
    }

    #[tokio::test]
    async fn what_is_not_ours_or_may_not_be_read_is_left_alone() {
        let answers: [fn() -> (u16, Value); 3] =
            [|| (200, found("somebody")), || status(404, "not found"), || status(403, "no")];
        for answer in answers {
            let (client, calls) = client(move |_| answer());
            keep(&mut Release::default(), &client, Instant::now()).await.unwrap();
            assert_eq!(calls.taken().len(), 1, "one question, no write");
        }
    }

    #[tokio::test]
    async fn what_can_not_be_given_up_is_told_and_tried_again() {
        static ANSWER: AtomicU16 = AtomicU16::new(403);
        let (client, calls) = client(|call| match (call.method.as_str(), ANSWER.load(Ordering::Relaxed)) {
            ("PATCH", code @ 400..) => status(code, "no"),
            _ => (200, found("uid-of-orders")),
        });
        let (mut release, now) = (Release::default(), Instant::now());
        let error = keep(&mut release, &client, now).await.unwrap_err();
        assert!(error.to_string().contains("would be deleted with it"), "{error}");
        calls.taken();
        assert_eq!(keep(&mut release, &client, now).await, Err(error));
        assert!(calls.taken().is_empty(), "not at every look");
        ANSWER.store(200, Ordering::Relaxed);
        keep(&mut release, &client, now + RETRY).await.unwrap();
    }
}
