//! Field managers: who owns which field, server-side apply and its conflicts.

use crate::{
    fields::{FieldSet, Path, display, from_v1, leaves, remove, to_v1, value_at},
    merge::{Lists, merge},
    reply::Refusal,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who writes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Writer {
    pub manager: String,
    pub operation: &'static str,
    pub subresource: Option<String>,
    pub api_version: String,
    pub time: String,
}

/// One entry of `metadata.managedFields`.
#[derive(Debug, Clone)]
struct Entry {
    head: Value,
    set: FieldSet,
}

impl Entry {
    fn of(writer: &Writer) -> Self {
        let mut head = json!({
            "manager": writer.manager, "operation": writer.operation, "apiVersion": writer.api_version,
            "time": writer.time, "fieldsType": "FieldsV1",
        });
        if let Some(name) = &writer.subresource {
            head["subresource"] = json!(name);
        }
        Self { head, set: FieldSet::new() }
    }

    fn belongs_to(&self, writer: &Writer) -> bool {
        let text = |name: &str| self.head.get(name).and_then(Value::as_str);
        text("manager") == Some(&writer.manager)
            && text("operation") == Some(writer.operation)
            && text("subresource") == writer.subresource.as_deref()
    }

    /// `"kubectl" with subresource "scale" using apps/v1`
    fn name(&self) -> String {
        let text = |name: &str| self.head.get(name).and_then(Value::as_str).unwrap_or_default();
        let subresource = match text("subresource") {
            "" => String::new(),
            name => format!(" with subresource \"{name}\""),
        };
        format!("\"{}\"{subresource} using {}", text("manager"), text("apiVersion"))
    }
}

fn entries(object: &Value) -> Vec<Entry> {
    let list = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let parse = |value: &Value| {
        let mut head = value.clone();
        let set = from_v1(&head["fieldsV1"].take());
        Entry { head, set }
    };
    list.into_iter().flatten().map(parse).collect()
}

fn store(object: &mut Value, entries: Vec<Entry>) {
    let list: Vec<Value> = entries
        .into_iter()
        .filter(|entry| !entry.set.is_empty())
        .map(|entry| {
            let mut value = entry.head;
            value["fieldsV1"] = to_v1(&entry.set);
            value
        })
        .collect();
    object["metadata"]["managedFields"] = Value::Array(list);
}

/// Hands every field that differs from `before` to `writer`.
pub(crate) fn record_update(before: Option<&Value>, after: &mut Value, writer: &Writer) {
    let empty = json!({});
    let before = before.unwrap_or(&empty);
    let (old, new) = (leaves(before), leaves(after));
    let differs = |path: &&Path| {
        let value_differs = value_at(before, path) != value_at(after, path);
        if is_element(path) { !old.contains(*path) } else { value_differs }
    };
    let changed: FieldSet = new.iter().filter(differs).cloned().collect();
    let mut entries = entries(before);
    for entry in &mut entries {
        entry.set.retain(|path| new.contains(path) && !changed.contains(path));
    }
    if !changed.is_empty() {
        own(&mut entries, writer).extend(changed);
    }
    store(after, entries);
}

/// Whether the path names an element of a list itself, not a field of it.
fn is_element(path: &Path) -> bool {
    path.last().is_some_and(|step| step == ".")
}

/// The fields of `writer`, whose entry is made or gets its time renewed.
fn own<'a>(entries: &'a mut Vec<Entry>, writer: &Writer) -> &'a mut FieldSet {
    let index = entries.iter().position(|entry| entry.belongs_to(writer)).unwrap_or_else(|| {
        entries.push(Entry::of(writer));
        entries.len() - 1
    });
    let entry = &mut entries[index];
    entry.head["time"] = json!(writer.time);
    &mut entry.set
}

/// What happens to fields that others own with another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    Refuse,
    Take,
}

/// Applies `config` over `live`: what it names is set, what this writer applied before and no longer names is
/// removed.
pub(crate) fn apply(live: &Value, config: &Value, writer: &Writer, force: Force) -> Result<Value, Refusal> {
    let config = &without_nulls(config);
    let wanted = leaves(config);
    let differs = |path: &&Path| !is_element(path) && value_at(live, path) != value_at(config, path);
    let changed: FieldSet = wanted.iter().filter(differs).cloned().collect();
    let mut entries = entries(live);
    let mut conflicts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in entries.iter_mut().filter(|entry| !entry.belongs_to(writer)) {
        for path in entry.set.intersection(&changed) {
            conflicts.entry(entry.name()).or_default().push(display(path));
        }
        entry.set.retain(|path| !changed.contains(path));
    }
    if force == Force::Refuse && !conflicts.is_empty() {
        return Err(refuse(&conflicts));
    }
    let mut after = live.clone();
    let owned = std::mem::replace(own(&mut entries, writer), wanted);
    for path in &owned {
        if !entries.iter().any(|entry| entry.set.contains(path)) {
            remove(&mut after, path);
        }
    }
    merge(&mut after, config, Lists::ByKey);
    store(&mut after, entries);
    Ok(after)
}

/// In an applied configuration `null` says nothing, where in a patch it removes.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let named = map.iter().filter(|(_, value)| !value.is_null());
            named.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(list) => list.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn refuse(conflicts: &BTreeMap<String, Vec<String>>) -> Refusal {
    let count: usize = conflicts.values().map(Vec::len).sum();
    let causes: Vec<Value> = conflicts
        .iter()
        .flat_map(|(name, fields)| fields.iter().map(move |field| (name, field)))
        .map(|(name, field)| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {name}"), "field": field})
        })
        .collect();
    let message = match conflicts.iter().next() {
        Some((name, fields)) if count == 1 => {
            format!("Apply failed with 1 conflict: conflict with {name}: {}", fields.join(""))
        }
        _ => {
            let lines: Vec<String> = conflicts
                .iter()
                .map(|(name, fields)| format!("conflicts with {name}:\n- {}", fields.join("\n- ")))
                .collect();
            format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
        }
    };
    let mut refusal = Refusal::new(409, "Conflict", message);
    refusal.body["details"] = json!({ "causes": causes });
    refusal
}
