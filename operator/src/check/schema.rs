//! PURE: whether an installed schema knows every field that this binary writes or reads.

use serde_json::Value;

/// The first field of `ours` that `theirs` does not have, as a path; `None` when it has all.
pub(super) fn first_missing(ours: &Value, theirs: &Value) -> Option<String> {
    missing(ours, theirs, "")
}

fn missing(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    if let Some(fields) = ours["properties"].as_object() {
        for (name, field) in fields {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let Some(other) = theirs["properties"].get(name) else { return Some(path) };
            if let Some(found) = missing(field, other, &path) {
                return Some(found);
            }
        }
    }
    if ours["items"].is_object() {
        return missing(&ours["items"], &theirs["items"], &format!("{path}[]"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_is_not_there_is_named() {
        let ours = json!({ "properties": { "spec": { "properties": {
            "list": { "items": { "properties": { "a": {}, "b": {} } } }, "qps": {} } } } });
        assert_eq!(first_missing(&ours, &ours), None);
        let mut older = ours.clone();
        older["properties"]["spec"]["properties"]["list"]["items"]["properties"] = json!({ "a": {} });
        assert_eq!(first_missing(&ours, &older), Some("spec.list[].b".to_owned()));
        assert_eq!(first_missing(&older, &ours), None, "a newer one knows more");
    }
}
