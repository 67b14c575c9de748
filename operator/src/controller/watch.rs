//! READ: what the controller knows of the cluster, kept current by watches.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use headroom_api::ScaledService;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{Lookup, Store, store};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::again::Again;
use super::client::{Heartbeats, Pulse, WATCH_TIMEOUT};
use super::observe::{NONE, Pods, SeenPod};
use super::target::owner::Owners;

/// An outage is logged once in so long.
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// Everything is listed anew after so long: a change that was never told would be missed for ever.
const RELIST: Duration = Duration::from_secs(270);

/// What is watched.
const SERVICES: &str = "scaledservices";
const PODS: &str = "pods";
const AUTOSCALERS: &str = "horizontalpodautoscalers";

/// A service as it was written, or why it can't be read.
pub type GuardedService = DeserializeGuard<ScaledService>;

/// Objects of one kind, from one watch for each namespace watched.
#[derive(Debug, Clone)]
struct Watched<K: Lookup + 'static>(Vec<Store<K>>)
where
    K::DynamicType: std::hash::Hash + Eq + Clone + Debug;

/// What the controller knows of the cluster.
#[derive(Clone)]
pub struct Cluster {
    services: Watched<GuardedService>,
    pods: Watched<SeenPod>,
    autoscalers: Watched<HorizontalPodAutoscaler>,
    heartbeats: Heartbeats,
}

/// All that is known at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Every service.
    pub services: Vec<Arc<GuardedService>>,
    /// Who sizes what.
    pub owners: Owners,
    /// Whose lists may be old.
    pub stale: Vec<&'static str>,
    pods: BTreeMap<String, Pods>,
}

impl Cluster {
    /// Begins to watch, in these namespaces or, if there are none, in all.
    pub fn watch(client: &Client, namespaces: &[String], heartbeats: Heartbeats) -> Self {
        let forget_fields = |autoscaler: &mut HorizontalPodAutoscaler| {
            autoscaler.metadata.managed_fields = None;
            autoscaler.status = None;
        };
        Self {
            services: Watched::begin(client, namespaces, &heartbeats, SERVICES, |_| ()),
            pods: Watched::begin(client, namespaces, &heartbeats, PODS, |_| ()),
            autoscalers: Watched::begin(client, namespaces, &heartbeats, AUTOSCALERS, forget_fields),
            heartbeats,
        }
    }

    /// Waits until everything has been listed once: whoever sees half of the pods would shrink services.
    pub async fn listed(&self) {
        let Self { services, pods, autoscalers, heartbeats: _ } = self;
        futures::join!(services.listed(), pods.listed(), autoscalers.listed());
    }

    /// Time since each watch last gave a sign of life.
    pub fn watch_ages(&self, now: Instant) -> Vec<(String, Duration)> {
        self.heartbeats.ages(now)
    }

    /// All that is known now.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let mut pods: BTreeMap<String, Pods> = BTreeMap::new();
        for pod in self.pods.all() {
            pods.entry(pod.meta().namespace.clone().unwrap_or_default()).or_default().add(pod);
        }
        let mut services = self.services.all();
        for service in &services {
            let namespace = service.meta().namespace.as_deref().unwrap_or_default();
            pods.entry(namespace.to_owned()).or_default().add_service();
        }
        services
            .sort_by_cached_key(|service| (service.meta().namespace.clone(), service.meta().name.clone()));
        let autoscalers = self.autoscalers.all();
        let readable = services.iter().filter_map(|service| service.0.as_ref().ok());
        let owners = Owners::new(autoscalers.iter().map(AsRef::as_ref), readable);
        let is_lost = |plural: &&str| self.heartbeats.pulse(plural, now) == Pulse::Lost;
        let stale = [PODS, SERVICES, AUTOSCALERS].into_iter().filter(is_lost).collect();
        Snapshot { services, owners, stale, pods }
    }
}

impl Snapshot {
    /// The pods of a namespace.
    pub fn pods(&self, namespace: &str) -> &Pods {
        self.pods.get(namespace).unwrap_or(&NONE)
    }
}

impl<K> Watched<K>
where
    K: Resource<DynamicType = ()> + Lookup<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync,
    K: Resource<Scope = NamespaceResourceScope> + 'static,
{
    fn begin(
        client: &Client,
        namespaces: &[String],
        heartbeats: &Heartbeats,
        resource: &'static str,
        trim: fn(&mut K),
    ) -> Self {
        let api = |namespace: &String| Api::<K>::namespaced(client.clone(), namespace);
        let mut apis: Vec<_> = namespaces.iter().map(api).collect();
        if apis.is_empty() {
            apis.push(Api::all(client.clone()));
        }
        Self(apis.into_iter().map(|api| reflect(api, heartbeats.clone(), resource, trim)).collect())
    }

    async fn listed(&self) {
        for store in &self.0 {
            // Its writer lives as long as the process.
            let _ = store.wait_until_ready().await;
        }
    }

    fn all(&self) -> Vec<Arc<K>> {
        self.0.iter().flat_map(Store::state).collect()
    }
}

/// Keeps a store current for as long as the process lives.
fn reflect<K>(api: Api<K>, heartbeats: Heartbeats, resource: &'static str, trim: fn(&mut K)) -> Store<K>
where
    K: Resource<DynamicType = ()> + Lookup<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync,
    K: 'static,
{
    let (reader, writer) = store();
    let path = api.resource_url().to_owned();
    let config = watcher::Config::default().timeout(WATCH_TIMEOUT.as_secs() as u32);
    // The store keeps what it has until the new list is complete.
    let watches = stream::repeat_with(move || watcher(api.clone(), config.clone()).take_until(sleep(RELIST)));
    let changes = watches.flatten().backoff(Again::default()).modify(trim).reflect(writer);
    let mut told: Option<Instant> = None;
    tokio::spawn(changes.for_each(move |change| {
        if let Err(error) = change {
            let now = Instant::now();
            heartbeats.broke(&path, now);
            if told.is_none_or(|told| now.duration_since(told) > TELL_AGAIN) {
                tracing::warn!(resource, %error, "a watch broke; it begins again");
                told = Some(now);
            }
        }
        futures::future::ready(())
    }));
    reader
}
