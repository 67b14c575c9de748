//! The handle: the world as the test sees and changes it.
#![allow(clippy::panic, reason = "a test that names an unknown resource is wrong, and should say so at once")]

use crate::{
    Kind, Record, Scope,
    clock::Clock,
    faults::Faults,
    managers::{Writer, record_update},
    service::Connection,
    state::{Core, Down, State},
    store::Key,
};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;

/// The wall clock's start unless the test says otherwise: 2026-01-01T00:00:00Z.
const BASE_SECOND: i64 = 1_767_225_600;

/// An in-memory API server. Clones are handles of the same server.
///
/// Objects are named as kubectl names them: `deployments/default/web`, `nodes/node-1`; where two groups share a plural,
/// with the group: `events.events.k8s.io/default/x`.
#[derive(Clone)]
pub struct FakeApi {
    core: Arc<Core>,
}

impl Default for FakeApi {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeApi {
    /// An empty server whose wall clock starts at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::starting_at(Timestamp::from_second(BASE_SECOND).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// An empty server whose wall clock starts at `base` and follows tokio's clock.
    pub fn starting_at(base: Timestamp) -> Self {
        Self { core: Arc::new(Core::new(Clock::starting_at(base))) }
    }

    /// The wall clock: give this one to the code under test too.
    pub fn now(&self) -> Timestamp {
        self.core.state().store.clock.now()
    }

    /// A client under this name, with the default namespace `default`. Clients of one name share their faults. Needs a
    /// running tokio runtime.
    pub fn client(&self, name: &str) -> Client {
        Client::new(self.connection(name), "default")
    }

    /// What [`Self::client`] puts below its client: to build another one on top.
    pub fn connection(&self, name: &str) -> Connection {
        Connection { core: self.core.clone(), client: name.to_owned() }
    }

    /// The faults of the client with this name.
    pub fn faults(&self, client: &str) -> Faults {
        Faults { core: self.core.clone(), client: client.to_owned() }
    }

    /// Takes the server away (`true`: every request fails with a connection error, open watches break) or brings it
    /// back (`false`).
    pub fn down(&self, down: bool) {
        self.core.disturb(|state| state.down = if down { Down::Down } else { Down::Up });
    }

    /// Makes every watch and continue token from before now too old: 410.
    pub fn compact(&self) {
        self.core.change(|state| state.store.oldest = state.store.version);
    }

    /// Serves one more kind, as if its definition had been installed.
    pub fn install(&self, kind: Kind) {
        self.core.change(|state| state.store.kinds.push(kind));
    }

    /// Forgets a kind, as if its definition were missing: its paths answer 404.
    pub fn uninstall(&self, group: &str, plural: &str) {
        self.core
            .change(|state| state.store.kinds.retain(|kind| kind.group != group || kind.plural != plural));
    }

    /// Decides access reviews: gets the client's name and the review's `spec`. Allows everything before.
    pub fn allow_access(&self, access: impl Fn(&str, &Value) -> bool + Send + 'static) {
        self.core.change(|state| state.access = Box::new(access));
    }

    /// The answer of `/openid/v1/jwks`.
    pub fn set_keys(&self, keys: Value) {
        self.core.change(|state| state.keys = keys);
    }

    /// The newest resource version.
    pub fn version(&self) -> u64 {
        self.core.state().store.version
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Record> {
        self.core.state().log.clone()
    }

    /// The writes the server carried out, in the order of arrival.
    pub fn writes(&self) -> Vec<Record> {
        self.requests().into_iter().filter(Record::wrote).collect()
    }

    /// Forgets the requests so far.
    ///
    /// # Panics
    /// While a request is on its way: its place in the log would be lost.
    pub fn forget_requests(&self) {
        self.core.change(|state| {
            let open = |record: &Record| record.handled_at.is_none() && record.status.is_none();
            if let Some(record) = state.log.iter().find(|record| open(record)) {
                panic!("a request is still on its way: {}", record.line());
            }
            state.log.clear();
        });
    }

    /// Stores an object of the test's own making, status and all, and returns it as stored.
    ///
    /// # Panics
    /// Unless `apiVersion`, `kind` and `metadata.name` name a new object of a known kind.
    pub fn seed(&self, object: Value) -> Value {
        self.core.change(|state| {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
            let (version, name) =
                (text("/apiVersion").unwrap_or_default(), text("/kind").unwrap_or_default());
            let same = |kind: &&Kind| kind.api_version() == version && kind.kind == name;
            let Some(kind) = state.store.kinds.iter().find(same).copied() else {
                panic!("seed: no kind {name} in {version}; see FakeApi::install");
            };
            let namespace = match kind.scope {
                Scope::Cluster => None,
                Scope::Namespaced => {
                    Some(text("/metadata/namespace").unwrap_or_else(|| "default".to_owned()))
                }
            };
            let key = Key::new(&kind, namespace.as_deref(), &text("/metadata/name").unwrap_or_default());
            let mut object = object;
            if object["metadata"].get("managedFields").is_none() {
                let writer = writer("kubectl", &kind, state);
                record_update(None, &mut object, &writer);
            }
            match state.store.create(&kind, key, object) {
                Ok(stored) => Value::clone(&stored),
                Err(refusal) => panic!("seed: {}", refusal.body["message"]),
            }
        })
    }

    /// The object as it is now.
    pub fn object(&self, path: &str) -> Option<Value> {
        let state = self.core.state();
        let (_, key) = find(&state, path);
        state.store.get(&key, None).map(|object| Value::clone(&object))
    }

    /// All objects of `deployments` in any namespace, or of `deployments/default` in one, in the order of their names.
    pub fn objects(&self, path: &str) -> Vec<Value> {
        let state = self.core.state();
        let (resource, namespace) =
            path.split_once('/').map_or((path, None), |(kind, rest)| (kind, Some(rest)));
        let objects = state.store.list(&known(&state, resource), namespace, None);
        objects.into_iter().map(|object| Value::clone(&object)).collect()
    }

    /// Changes an object as kubectl would, but any field of it. A change of nothing is none.
    ///
    /// # Panics
    /// When the object does not exist.
    pub fn update(&self, path: &str, change: impl FnOnce(&mut Value)) {
        self.update_as("kubectl", path, change);
    }

    /// Changes an object as this field manager.
    ///
    /// # Panics
    /// When the object does not exist.
    pub fn update_as(&self, manager: &str, path: &str, change: impl FnOnce(&mut Value)) {
        self.core.change(|state| {
            let (kind, key) = find(state, path);
            let Some(before) = state.store.get(&key, None) else { panic!("update: {path} does not exist") };
            let mut after = Value::clone(&before);
            change(&mut after);
            record_update(Some(&before), &mut after, &writer(manager, &kind, state));
            state.store.amend(&kind, &key, after);
        });
    }

    /// Deletes an object at once, whatever finalizers it has. Its dependents stay: there is no garbage collector.
    ///
    /// # Panics
    /// When the object does not exist.
    pub fn delete(&self, path: &str) {
        self.core.change(|state| {
            let (_, key) = find(state, path);
            assert!(state.store.remove(&key).is_some(), "delete: {path} does not exist");
        });
    }

    /// Rings when an object changes.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.core.bell()
    }

    /// Wakes whoever waits for the bell.
    pub(crate) fn ring(&self) {
        self.core.disturb(|_| ());
    }

    /// A number never given before.
    pub(crate) fn number(&self) -> u64 {
        self.core.state().store.number()
    }

    /// The clock's time as `metadata` writes it.
    pub(crate) fn stamp(&self) -> String {
        self.core.state().store.clock.stamp()
    }
}

fn writer(manager: &str, kind: &Kind, state: &State) -> Writer {
    Writer {
        manager: manager.to_owned(),
        operation: "Update",
        subresource: None,
        api_version: kind.api_version(),
        time: state.store.clock.stamp(),
    }
}

fn known(state: &State, resource: &str) -> Kind {
    let (plural, group) =
        resource.split_once('.').map_or((resource, None), |(plural, group)| (plural, Some(group)));
    let same = |kind: &&Kind| kind.plural == plural && group.is_none_or(|group| kind.group == group);
    let Some(kind) = state.store.kinds.iter().find(same) else {
        panic!("no resource {resource}; see FakeApi::install")
    };
    *kind
}

fn find(state: &State, path: &str) -> (Kind, Key) {
    let segments: Vec<&str> = path.split('/').collect();
    let (kind, namespace, name) = match segments.as_slice() {
        [resource, namespace, name] => (known(state, resource), Some(*namespace), *name),
        [resource, name] => (known(state, resource), None, *name),
        _ => panic!("{path} is neither RESOURCE/NAME nor RESOURCE/NAMESPACE/NAME"),
    };
    assert!(
        (kind.scope == Scope::Namespaced) == namespace.is_some(),
        "{path}: {} are {:?}",
        kind.plural,
        kind.scope
    );
    (kind, Key::new(&kind, namespace, name))
}

/// A Deployment to seed: `replicas` pods labelled `app: NAME`, with a status that says nothing yet.
pub fn deployment(namespace: &str, name: &str, replicas: u32) -> Value {
    let labels = json!({ "app": name });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": namespace, "name": name, "labels": labels },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": { "containers": [{ "name": "app", "image": "app:1", "ports": [{ "containerPort": 8080 }] }] },
            },
        },
    })
}
