//! The objects, every version they had, and the one counter of resource versions.

use crate::{
    Kind,
    clock::Clock,
    kinds::{BUILT_IN, Feature},
    reply::Refusal,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Which object: group, plural, namespace (empty without), name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub group: &'static str,
    pub plural: &'static str,
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub(crate) fn new(kind: &Kind, namespace: Option<&str>, name: &str) -> Self {
        let namespace = namespace.unwrap_or_default().to_owned();
        Self { group: kind.group, plural: kind.plural, namespace, name: name.to_owned() }
    }

    pub(crate) fn is_of(&self, kind: &Kind, namespace: Option<&str>) -> bool {
        self.group == kind.group
            && self.plural == kind.plural
            && namespace.is_none_or(|namespace| namespace == self.namespace)
    }
}

/// One version of one object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub version: u64,
    pub key: Key,
    /// What it was before; `None`: it was added.
    pub before: Option<Arc<Value>>,
    /// What it became; a deleted object carries the version of its deletion.
    pub object: Arc<Value>,
    pub end: End,
}

/// Whether a change left an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Stored,
    Deleted,
}

/// What the server remembers.
#[derive(Debug)]
pub(crate) struct Store {
    pub kinds: Vec<Kind>,
    pub clock: Clock,
    objects: BTreeMap<Key, Arc<Value>>,
    pub history: Vec<Change>,
    pub version: u64,
    /// Watches from before this version are told that it is gone.
    pub oldest: u64,
    numbers: u64,
}

impl Store {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            kinds: BUILT_IN.to_vec(),
            clock,
            objects: BTreeMap::new(),
            history: Vec::new(),
            // A real server's first objects are never version 1 either.
            version: 100,
            oldest: 0,
            numbers: 0,
        }
    }

    /// The object as of `at`, or now.
    pub(crate) fn get(&self, key: &Key, at: Option<u64>) -> Option<Arc<Value>> {
        let Some(at) = at else { return self.objects.get(key).cloned() };
        let last = self.history.iter().rev().find(|change| change.version <= at && change.key == *key)?;
        (last.end == End::Stored).then(|| Arc::clone(&last.object))
    }

    /// The objects of a kind as of `at`, or now, in the order of their names.
    pub(crate) fn list(&self, kind: &Kind, namespace: Option<&str>, at: Option<u64>) -> Vec<Arc<Value>> {
        let of_kind = |key: &Key| key.is_of(kind, namespace);
        let Some(at) = at else {
            return self
                .objects
                .iter()
                .filter(|(key, _)| of_kind(key))
                .map(|(_, object)| object.clone())
                .collect();
        };
        let mut objects = BTreeMap::new();
        for change in self.history.iter().take_while(|change| change.version <= at) {
            match change.end {
                End::Stored if of_kind(&change.key) => objects.insert(&change.key, &change.object),
                End::Stored => None,
                End::Deleted => objects.remove(&change.key),
            };
        }
        objects.into_values().cloned().collect()
    }

    /// A number never given before: for uids, generated names and tokens.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Stores a new object with what the server fills in.
    pub(crate) fn create(&mut self, kind: &Kind, key: Key, mut object: Value) -> Result<Arc<Value>, Refusal> {
        if self.objects.contains_key(&key) {
            return Err(Refusal::exists(kind, &key.name));
        }
        let number = self.number();
        object["apiVersion"] = json!(kind.api_version());
        object["kind"] = json!(kind.kind);
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(key.name);
        if !key.namespace.is_empty() {
            metadata["namespace"] = json!(key.namespace);
        }
        default(metadata, "uid", json!(format!("00000000-0000-4000-8000-{number:012}")));
        default(metadata, "creationTimestamp", json!(self.clock.stamp()));
        if kind.has(Feature::Generation) {
            default(metadata, "generation", json!(1));
        }
        Ok(self.put(key, None, object))
    }

    /// Stores a new version of an existing object; one that changes nothing keeps its resource version. The last
    /// finalizer of an object being deleted takes the object with it.
    pub(crate) fn update(&mut self, kind: &Kind, key: Key, mut after: Value) -> Option<Arc<Value>> {
        let before = self.objects.get(&key).cloned()?;
        for fixed in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "generation"] {
            let value = before["metadata"].get(fixed).cloned();
            set_or_remove(&mut after["metadata"], fixed, value);
        }
        for fixed in ["apiVersion", "kind"] {
            after[fixed] = before[fixed].clone();
        }
        if kind.has(Feature::Generation) && specification(&before) != specification(&after) {
            after["metadata"]["generation"] =
                json!(before["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
        if substance(&before) == substance(&after) {
            return Some(before);
        }
        if after["metadata"].get("deletionTimestamp").is_some() && finalizers(&after).is_empty() {
            return self.remove(&key);
        }
        Some(self.put(key, Some(before), after))
    }

    /// Deletes an object, or marks it where finalizers hold it.
    pub(crate) fn delete(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.get(key).cloned()?;
        if finalizers(&before).is_empty() {
            return self.remove(key);
        }
        if before["metadata"].get("deletionTimestamp").is_some() {
            return Some(before);
        }
        let mut after = Value::clone(&before);
        after["metadata"]["deletionTimestamp"] = json!(self.clock.stamp());
        Some(self.put(key.clone(), Some(before), after))
    }

    /// Changes an object outside the API's rules: any field may change, and a changed specification is a new
    /// generation.
    pub(crate) fn amend(&mut self, kind: &Kind, key: &Key, mut after: Value) -> Option<Arc<Value>> {
        let before = self.objects.get(key).cloned()?;
        if substance(&before) == substance(&after) {
            return Some(before);
        }
        if kind.has(Feature::Generation)
            && specification(&before) != specification(&after)
            && before["metadata"]["generation"] == after["metadata"]["generation"]
        {
            after["metadata"]["generation"] =
                json!(before["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
        Some(self.put(key.clone(), Some(before), after))
    }

    /// Removes an object whatever holds it.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.objects.remove(key)?;
        let mut last = Value::clone(&before);
        let version = self.next_version(&mut last);
        let object = Arc::new(last);
        let key = key.clone();
        self.history.push(Change {
            version,
            key,
            before: Some(before),
            object: object.clone(),
            end: End::Deleted,
        });
        Some(object)
    }

    /// Stores `object` as it is, but for the resource version.
    pub(crate) fn put(&mut self, key: Key, before: Option<Arc<Value>>, mut object: Value) -> Arc<Value> {
        let version = self.next_version(&mut object);
        let object = Arc::new(object);
        self.objects.insert(key.clone(), object.clone());
        self.history.push(Change { version, key, before, object: object.clone(), end: End::Stored });
        object
    }

    fn next_version(&mut self, object: &mut Value) -> u64 {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.version
    }
}

fn default(metadata: &mut Value, field: &str, value: Value) {
    if metadata.get(field).is_none_or(Value::is_null) {
        metadata[field] = value;
    }
}

pub(crate) fn set_or_remove(object: &mut Value, field: &str, value: Option<Value>) {
    match value {
        Some(value) => object[field] = value,
        None => {
            if let Some(map) = object.as_object_mut() {
                map.remove(field);
            }
        }
    }
}

fn finalizers(object: &Value) -> &[Value] {
    object.pointer("/metadata/finalizers").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Everything but metadata and status: a change of it is a new generation.
fn specification(object: &Value) -> Vec<(&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(|(name, _)| !matches!(name.as_str(), "metadata" | "status")).collect()
}

/// The object without what changes by writing alone.
fn substance(object: &Value) -> Value {
    let mut object = object.clone();
    set_or_remove(&mut object["metadata"], "resourceVersion", None);
    for entry in object["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
        set_or_remove(entry, "time", None);
    }
    if object["metadata"]["managedFields"].as_array().is_none_or(Vec::is_empty) {
        set_or_remove(&mut object["metadata"], "managedFields", None);
    }
    object
}
