//! Merging JSON: as RFC 7386 says, or with the lists that Kubernetes merges by key.

use serde_json::{Map, Value};

/// What happens to lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lists {
    /// A merge patch replaces them whole.
    Replace,
    /// Strategic merge and server-side apply merge the elements with equal keys.
    ByKey,
}

/// Merges `patch` into `target`; a `null` removes.
pub(crate) fn merge(target: &mut Value, patch: &Value, lists: Lists) {
    merge_at("", target, patch, lists);
}

fn merge_at(field: &str, target: &mut Value, patch: &Value, lists: Lists) {
    match patch {
        Value::Object(patch) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Some(target) = target.as_object_mut() else { return };
            for (name, value) in patch {
                if value.is_null() {
                    target.remove(name);
                } else {
                    merge_at(name, target.entry(name.clone()).or_insert(Value::Null), value, lists);
                }
            }
        }
        Value::Array(patch) if lists == Lists::ByKey => merge_list(field, target, patch),
        other => *target = other.clone(),
    }
}

fn merge_list(field: &str, target: &mut Value, patch: &[Value]) {
    let both = target.as_array().map(|list| [list.as_slice(), patch].concat());
    let keys = both.as_deref().and_then(|list| list_keys(field, list));
    let (Some(keys), Some(list)) = (keys, target.as_array_mut()) else {
        *target = Value::Array(patch.to_vec());
        return;
    };
    for element in patch {
        let same = list.iter_mut().find(|old| keys.iter().all(|key| old.get(key) == element.get(key)));
        match same {
            Some(old) => merge_at("", old, element, Lists::ByKey),
            None => list.push(element.clone()),
        }
    }
}

/// The keys of the lists that Kubernetes' schemas merge by key, by the name of the field.
const KEYED: &[(&str, &[&str])] = &[
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("volumes", &["name"]),
    ("env", &["name"]),
    ("imagePullSecrets", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("ports", &["containerPort"]),
    ("ports", &["port"]),
    ("conditions", &["type"]),
    ("ownerReferences", &["uid"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
];

/// The keys that tell the elements of this list apart; `None` for a list that is one value as a whole.
pub(crate) fn list_keys(field: &str, list: &[Value]) -> Option<&'static [&'static str]> {
    let complete =
        |keys: &&[&str]| list.iter().all(|element| keys.iter().all(|key| element.get(key).is_some()));
    KEYED.iter().filter(|(name, _)| *name == field).map(|(_, keys)| *keys).find(complete)
}

#[cfg(test)]
mod tests {
    use super::{Lists, merge};
    use serde_json::json;

    #[test]
    fn merges_objects_and_removes_nulls() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        merge(&mut target, &json!({"a": {"b": null, "d": 3}, "l": [3]}), Lists::Replace);
        assert_eq!(target, json!({"a": {"c": 2, "d": 3}, "l": [3]}));
    }

    #[test]
    fn merges_keyed_lists_by_key() {
        let mut target = json!({"containers": [{"name": "a", "image": "x"}, {"name": "b"}], "args": ["1"]});
        let patch = json!({"containers": [{"name": "a", "tty": true}, {"name": "c"}], "args": ["2"]});
        merge(&mut target, &patch, Lists::ByKey);
        let containers = json!([{"name": "a", "image": "x", "tty": true}, {"name": "b"}, {"name": "c"}]);
        assert_eq!(target, json!({"containers": containers, "args": ["2"]}));
    }
}
