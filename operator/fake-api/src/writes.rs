//! create, update, patch and delete, with the preconditions the real server checks.

use crate::{
    ask::{Ask, PatchKind},
    kinds::Feature,
    managers::{Force, apply, record_update},
    merge::{Lists, merge},
    reply::{Answer, Refusal, Reply},
    scale,
    store::{Key, Store, set_or_remove},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn create(store: &mut Store, ask: &Ask) -> Answer {
    let kind = ask.target.kind;
    let mut object = ask.body.clone();
    let text = |field: &str| {
        object["metadata"][field].as_str().map(ToOwned::to_owned).filter(|text| !text.is_empty())
    };
    let name = match (text("name"), text("generateName")) {
        (Some(name), _) => name,
        (None, Some(prefix)) => format!("{prefix}{}", suffix(store.number())),
        (None, None) => {
            let why = "metadata.name: Required value: name or generateName is required";
            return Err(Refusal::invalid(&ask.target, kind.kind, why));
        }
    };
    if kind.has(Feature::Status) {
        set_or_remove(&mut object, "status", None);
    }
    for filled_in in ["resourceVersion", "uid", "creationTimestamp", "deletionTimestamp", "generation"] {
        set_or_remove(&mut object["metadata"], filled_in, None);
    }
    record_update(None, &mut object, &ask.writer(store.clock.stamp()));
    let created = store.create(&kind, Key::new(&kind, ask.target.namespace.as_deref(), &name), object)?;
    Ok(Reply::created(Value::clone(&created)))
}

/// Five letters as the real server appends them, but counted instead of drawn.
fn suffix(mut number: u64) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut text = String::new();
    for _ in 0..5 {
        text.insert(0, LETTERS.get((number % 27) as usize).copied().map_or('b', char::from));
        number /= 27;
    }
    text
}

/// PUT, and PATCH in all its kinds, of an object or one of its sub-resources.
pub(crate) fn modify(store: &mut Store, ask: &Ask) -> Answer {
    let Some(current) = store.get(&ask.key(), None) else { return modify_absent(store, ask) };
    if ask.subresource() == Some("scale") {
        return modify_scale(store, ask, &current);
    }
    let after = match ask.patch {
        Some(PatchKind::Apply) => {
            check_identity(ask, &ask.body, &current)?;
            let config = part(ask, &json!({ "metadata": {} }), &ask.body);
            apply(&current, &config, &ask.writer(store.clock.stamp()), force(ask))?
        }
        how => {
            let whole = merged(&current, ask, how);
            check_identity(ask, &whole, &current)?;
            let mut after = part(ask, &current, &whole);
            record_update(Some(&current), &mut after, &ask.writer(store.clock.stamp()));
            after
        }
    };
    commit(store, ask, after).map(|object| Reply::ok(Value::clone(&object)))
}

fn force(ask: &Ask) -> Force {
    if ask.query.is("force") { Force::Take } else { Force::Refuse }
}

fn merged(current: &Value, ask: &Ask, how: Option<PatchKind>) -> Value {
    let mut whole = match how {
        None => return ask.body.clone(),
        Some(_) => current.clone(),
    };
    let lists = if how == Some(PatchKind::Merge) { Lists::Replace } else { Lists::ByKey };
    merge(&mut whole, &ask.body, lists);
    whole
}

fn commit(store: &mut Store, ask: &Ask, after: Value) -> Result<Arc<Value>, Refusal> {
    if ask.query.is("dryRun") {
        return Ok(Arc::new(after));
    }
    store.update(&ask.target.kind, ask.key(), after).ok_or_else(|| Refusal::not_found(&ask.target))
}

/// An apply to an absent object creates it, unless it means one that was there.
fn modify_absent(store: &mut Store, ask: &Ask) -> Answer {
    if ask.patch != Some(PatchKind::Apply) || ask.subresource().is_some() {
        return Err(Refusal::not_found(&ask.target));
    }
    if let Some(uid) = ask.body["metadata"]["uid"].as_str() {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(Refusal::conflict(&ask.target, &ask.target.kind.qualified(None), &why));
    }
    let mut config = ask.body.clone();
    set_or_remove(&mut config["metadata"], "resourceVersion", None);
    if ask.target.kind.has(Feature::Status) {
        set_or_remove(&mut config, "status", None);
    }
    let object = apply(&json!({"metadata": {}}), &config, &ask.writer(store.clock.stamp()), Force::Refuse)?;
    let created = store.create(&ask.target.kind, ask.key(), object)?;
    Ok(Reply::created(Value::clone(&created)))
}

/// Refuses a body that means another version, another object or another name.
fn check_identity(ask: &Ask, body: &Value, current: &Value) -> Result<(), Refusal> {
    let target = &ask.target;
    let (wanted, have) = (&body["metadata"], &current["metadata"]);
    let text = |field: &str| wanted[field].as_str().filter(|text| !text.is_empty());
    if text("name").is_some_and(|name| name != ask.name()) {
        let name = text("name").unwrap_or_default();
        let message =
            format!("the name of the object ({name}) does not match the name on the URL ({})", ask.name());
        return Err(Refusal::bad(message));
    }
    let uid = text("uid").filter(|uid| have["uid"].as_str() != Some(uid));
    if let (Some(uid), None) = (uid, ask.patch) {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            target.kind.plural,
            target.namespace.as_deref().unwrap_or_default(),
            ask.name(),
            have["uid"].as_str().unwrap_or_default()
        );
        return Err(Refusal::conflict(target, &target.kind.qualified(None), &why));
    }
    match text("resourceVersion") {
        Some(version) if have["resourceVersion"].as_str() != Some(version) => {
            return Err(Refusal::modified(target));
        }
        None if ask.patch.is_none() && target.kind.has(Feature::Conditional) => {
            let why = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update";
            return Err(Refusal::invalid(target, target.kind.kind, why));
        }
        _ => {}
    }
    if let Some(uid) = uid {
        // Only a PUT has the uid as a precondition; for a PATCH it is one more field that may not change.
        let why = format!("metadata.uid: Invalid value: \"{uid}\": field is immutable");
        return Err(Refusal::invalid(target, target.kind.kind, &why));
    }
    Ok(())
}

/// `base` with what the endpoint may write of `whole`: all but the status, the status alone, or the pod's resources.
fn part(ask: &Ask, base: &Value, whole: &Value) -> Value {
    match ask.subresource() {
        Some(name) => {
            let field = if name == "resize" { "spec" } else { name };
            let mut object = base.clone();
            set_or_remove(&mut object, field, whole.get(field).cloned());
            object
        }
        None if ask.target.kind.has(Feature::Status) => {
            let mut object = whole.clone();
            set_or_remove(&mut object, "status", base.get("status").cloned());
            object
        }
        None => whole.clone(),
    }
}

/// `/scale`: a body of its own kind, whose uid and resource version guard the object behind it.
fn modify_scale(store: &mut Store, ask: &Ask, current: &Value) -> Answer {
    let target = &ask.target;
    let whole = merged(&scale::of(current), ask, ask.patch);
    let replicas = whole["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let why = format!("spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0");
        return Err(Refusal::invalid(target, "Scale.autoscaling", &why));
    }
    let (uid, have) =
        (whole["metadata"]["uid"].as_str(), current["metadata"]["uid"].as_str().unwrap_or_default());
    if let Some(uid) = uid.filter(|uid| !uid.is_empty() && *uid != have) {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {have}");
        return Err(Refusal::conflict(target, &target.kind.qualified(Some("scale")), &why));
    }
    let version = whole["metadata"]["resourceVersion"].as_str().filter(|text| !text.is_empty());
    if version.is_some_and(|version| current["metadata"]["resourceVersion"].as_str() != Some(version)) {
        return Err(Refusal::modified(target));
    }
    let writer = ask.writer(store.clock.stamp());
    let after = if ask.patch == Some(PatchKind::Apply) {
        apply(current, &json!({"spec": {"replicas": replicas}}), &writer, force(ask))?
    } else {
        let mut after = current.clone();
        after["spec"]["replicas"] = json!(replicas);
        record_update(Some(current), &mut after, &writer);
        after
    };
    commit(store, ask, after).map(|object| Reply::ok(scale::of(&object)))
}

pub(crate) fn delete(store: &mut Store, ask: &Ask) -> Answer {
    let target = &ask.target;
    let current = store.get(&ask.key(), None).ok_or_else(|| Refusal::not_found(target))?;
    let (guard, have) = (&ask.body["preconditions"], &current["metadata"]);
    for (field, title, past) in
        [("uid", "UID", "deleted and then recreated"), ("resourceVersion", "ResourceVersion", "modified")]
    {
        let (Some(wanted), have) = (guard[field].as_str(), have[field].as_str().unwrap_or_default()) else {
            continue;
        };
        if wanted != have {
            let why = format!(
                "the {title} in the precondition ({wanted}) does not match the {title} in record ({have}). The object \
                 might have been {past}"
            );
            return Err(Refusal::conflict(target, &target.kind.qualified(None), &why));
        }
    }
    let last = store.delete(&ask.key()).ok_or_else(|| Refusal::not_found(target))?;
    if store.get(&ask.key(), None).is_some() || target.kind.plural == "pods" {
        return Ok(Reply::ok(Value::clone(&last)));
    }
    let details = json!({
        "name": ask.name(), "group": target.kind.group, "kind": target.kind.plural, "uid": current["metadata"]["uid"],
    });
    Ok(Reply::ok(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
    })))
}
