//! get and list.

use crate::{
    ask::Ask,
    reply::{Answer, Refusal, Reply},
    scale,
    selector::Selector,
    store::Store,
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn get(store: &Store, ask: &Ask) -> Answer {
    let object = store.get(&ask.key(), ask.at).ok_or_else(|| Refusal::not_found(&ask.target))?;
    match ask.subresource() {
        None | Some("status" | "resize") => Ok(Reply::ok(Value::clone(&object))),
        Some("scale") => Ok(Reply::ok(scale::of(&object))),
        Some(_) => Err(Refusal::not_allowed()),
    }
}

/// A list, in pages where the request limits them. A continue token is the version and the number of objects seen, so
/// that all pages are of one version.
pub(crate) fn list(store: &Store, ask: &Ask) -> Answer {
    let kind = &ask.target.kind;
    let (at, skip) = match &ask.query.proceed {
        None => (ask.at, 0),
        Some(token) => {
            let parsed =
                token.split_once('-').and_then(|(at, skip)| Some((at.parse().ok()?, skip.parse().ok()?)));
            let (at, skip): (u64, usize) = parsed.ok_or_else(|| Refusal::bad("continue key is not valid"))?;
            if at < store.oldest {
                return Err(Refusal::scripted(410, None));
            }
            (Some(at), skip)
        }
    };
    let selector = Selector::parse(ask.query.labels.as_deref(), ask.query.fields.as_deref());
    let objects = store.list(kind, ask.target.namespace.as_deref(), at);
    let matching: Vec<Arc<Value>> = objects.into_iter().filter(|object| selector.matches(object)).collect();
    let version = at.unwrap_or(store.version).min(store.version);
    let page = ask.query.limit.unwrap_or(usize::MAX);
    let mut metadata = json!({ "resourceVersion": version.to_string() });
    let left = matching.len().saturating_sub(skip).saturating_sub(page);
    if left > 0 {
        metadata["continue"] = json!(format!("{version}-{}", skip + page));
        metadata["remainingItemCount"] = json!(left);
    }
    let items: Vec<Value> =
        matching.into_iter().skip(skip).take(page).map(|object| Value::clone(&object)).collect();
    Ok(Reply::ok(json!({
        "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(), "metadata": metadata, "items": items,
    })))
}

/// The object with nothing but its metadata, as `PartialObjectMetadata`.
pub(crate) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// What [`metadata_only`] is for a whole list.
pub(crate) fn metadata_only_list(list: &Value) -> Value {
    let items: Vec<Value> = list["items"].as_array().into_iter().flatten().map(metadata_only).collect();
    json!({
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": list["metadata"], "items": items,
    })
}
