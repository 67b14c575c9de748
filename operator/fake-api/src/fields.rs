//! Sets of field paths: which leaves an object has, and how `fieldsV1` writes them.

use crate::merge::list_keys;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A path as `fieldsV1` spells its steps: `f:name` for a field, `k:{...}` for an element of a keyed list, `.` for
/// the element itself.
pub(crate) type Path = Vec<String>;

/// Leaf paths.
pub(crate) type FieldSet = BTreeSet<Path>;

/// Nobody owns what identifies the object or what the server fills in.
const UNOWNED: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "generateName",
];

/// The leaf paths of `object` that somebody can own.
pub(crate) fn leaves(object: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    if !UNOWNED.contains(&name.as_str()) {
                        walk(name, value, vec!["f:metadata".to_owned(), format!("f:{name}")], &mut set);
                    }
                }
            }
            _ => walk(name, value, vec![format!("f:{name}")], &mut set),
        }
    }
    set
}

fn walk(field: &str, value: &Value, path: Path, set: &mut FieldSet) {
    let step = |name: String| [path.as_slice(), &[name]].concat();
    match value {
        Value::Null => {}
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                walk(name, value, step(format!("f:{name}")), set);
            }
        }
        Value::Array(list) if !list.is_empty() && list_keys(field, list).is_some() => {
            for element in list {
                let path = step(key_step(field, list, element));
                set.insert([path.as_slice(), &[".".to_owned()]].concat());
                walk("", element, path, set);
            }
        }
        _ => {
            set.insert(path);
        }
    }
}

fn key_step(field: &str, list: &[Value], element: &Value) -> String {
    let keys = list_keys(field, list).unwrap_or_default();
    let key: Map<String, Value> =
        keys.iter().filter_map(|key| Some(((*key).to_owned(), element.get(key)?.clone()))).collect();
    format!("k:{}", Value::Object(key))
}

/// The value at `path`, if the object has it.
pub(crate) fn value_at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, step| match step.split_once(':') {
        Some(("f", name)) => value.get(name),
        Some((_, key)) => value.as_array()?.iter().find(|element| has_key(element, key)),
        None => Some(value),
    })
}

fn has_key(element: &Value, key: &str) -> bool {
    let key: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
    key.iter().all(|(name, value)| element.get(name) == Some(value))
}

/// Removes the value at `path` and what becomes empty by it.
pub(crate) fn remove(object: &mut Value, path: &[String]) {
    let Some((step, rest)) = path.split_first() else { return };
    let last = rest.is_empty() || rest == ["."];
    match (step.split_once(':'), object) {
        (Some(("f", name)), Value::Object(map)) => {
            if last {
                map.remove(name);
            } else if let Some(inner) = map.get_mut(name) {
                remove(inner, rest);
                if inner.as_object().is_some_and(Map::is_empty) || inner.as_array().is_some_and(Vec::is_empty)
                {
                    map.remove(name);
                }
            }
        }
        (Some((_, key)), Value::Array(list)) => {
            if last {
                list.retain(|element| !has_key(element, key));
            } else if let Some(element) = list.iter_mut().find(|element| has_key(element, key)) {
                remove(element, rest);
            }
        }
        _ => {}
    }
}

/// `fieldsV1` of a set.
pub(crate) fn to_v1(set: &FieldSet) -> Value {
    let mut root = json!({});
    for path in set {
        let mut node = &mut root;
        for step in path {
            node = &mut node[step];
            if node.is_null() {
                *node = json!({});
            }
        }
    }
    root
}

/// The set that `fieldsV1` describes.
pub(crate) fn from_v1(fields: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    collect(fields, &mut Vec::new(), &mut set);
    set
}

fn collect(node: &Value, path: &mut Path, set: &mut FieldSet) {
    match node.as_object().filter(|map| !map.is_empty()) {
        Some(map) => {
            for (step, inner) in map {
                path.push(step.clone());
                collect(inner, path, set);
                path.pop();
            }
        }
        None if path.is_empty() => {}
        None => {
            set.insert(path.clone());
        }
    }
}

/// The path as messages write it: `.spec.template.spec.containers[name="app"].image`.
pub(crate) fn display(path: &[String]) -> String {
    path.iter().fold(String::new(), |text, step| match step.split_once(':') {
        Some(("f", name)) => format!("{text}.{name}"),
        Some((_, key)) => {
            let key: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
            let pairs: Vec<String> = key.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{text}[{}]", pairs.join(","))
        }
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::{display, from_v1, leaves, remove, to_v1, value_at};
    use serde_json::json;

    #[test]
    fn fields_survive_the_way_through_fields_v1() {
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"containers": [{"name": "app", "args": ["x"]}]},
        });
        let set = leaves(&object);
        assert_eq!(from_v1(&to_v1(&set)), set);
        assert_eq!(set.len(), 4, "{set:?}");
        let args = set.iter().find(|path| path.last().is_some_and(|step| step == "f:args")).unwrap();
        assert_eq!(display(args), ".spec.containers[name=\"app\"].args");
        assert_eq!(value_at(&object, args), Some(&json!(["x"])));
    }

    #[test]
    fn what_becomes_empty_goes_with_its_last_field() {
        let mut object = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}});
        remove(&mut object, &["f:metadata".to_owned(), "f:labels".to_owned(), "f:a".to_owned()]);
        assert_eq!(object, json!({"spec": {"x": 1}}));
    }
}
