//! The table of every field of a kind, from the schema in its custom resource definition.

use headroom_api::ScaledService;
use kube::CustomResourceExt;
use serde_json::Value;

use super::{GENERATED, head, row};

const TITLES: [&str; 5] = ["field", "type", "default", "allowed", "meaning"];

pub(super) fn scaled_service() -> serde_json::Result<String> {
    let crd = serde_json::to_value(ScaledService::crd())?;
    let version = &crd["spec"]["versions"][0];
    let root = &version["schema"]["openAPIV3Schema"];
    let mut page = format!("{GENERATED}# ScaledService\n\n{}\n", text(&root["description"]));
    page += "\nA field in **bold** is required where what holds it is given.\n";
    for (part, title) in [("spec", "Spec"), ("status", "Status")] {
        page += "\n## ";
        page += title;
        page += "\n\n";
        page += &head(&TITLES);
        let schema = &root["properties"][part];
        each_field(schema, part, &mut |field| page += &field.row());
        page += &rules(schema, part);
    }
    page += &columns(&version["additionalPrinterColumns"]);
    Ok(page)
}

struct Field<'a> {
    path: &'a str,
    schema: &'a Value,
    required: bool,
}

fn each_field(schema: &Value, path: &str, look: &mut impl FnMut(&Field<'_>)) {
    let required = schema["required"].as_array();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let required = required.is_some_and(|required| required.iter().any(|other| other == name.as_str()));
        look(&Field { path: &path, schema: field, required });
        let inner = [(&field["items"], "[]"), (&field["additionalProperties"], ".*"), (field, "")];
        for (inner, mark) in inner {
            each_field(inner, &format!("{path}{mark}"), look);
        }
    }
}

impl Field<'_> {
    fn row(&self) -> String {
        let path = format!("`{}`", self.path);
        let path = if self.required { format!("**{path}**") } else { path };
        let default = match &self.schema["default"] {
            Value::Null => String::new(),
            default => format!("`{default}`"),
        };
        row(&[&path, &kind(self.schema), &default, &allowed(self.schema), text(&self.schema["description"])])
    }
}

fn kind(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}

/// What the schema allows, in words.
fn allowed(schema: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> =
            values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
        parts.push(values.join(", "));
    }
    parts.extend(range(&schema["minimum"], &schema["maximum"], ""));
    parts.extend(range(&schema["minItems"], &schema["maxItems"], " items"));
    parts.extend(range(&schema["minProperties"], &schema["maxProperties"], " entries"));
    if schema["pattern"].is_null() {
        parts.extend(range(&schema["minLength"], &schema["maxLength"], " characters"));
    } else {
        parts.push(format!("matches `{}`", text(&schema["pattern"])));
    }
    parts.join("; ")
}

/// Bounds pass through a floating-point type in the derive; whole ones are shown whole.
fn range(from: &Value, to: &Value, unit: &str) -> Option<String> {
    let number = |value: &Value| value.as_f64().map(|value| format!("{value}"));
    match (number(from), number(to)) {
        (Some(from), Some(to)) => Some(format!("{from} to {to}{unit}")),
        (Some(from), None) => Some(format!("{from}{unit} or more")),
        (None, Some(to)) => Some(format!("at most {to}{unit}")),
        (None, None) => None,
    }
}

/// The rules across fields that the API server checks.
fn rules(schema: &Value, part: &str) -> String {
    let mut found = Vec::new();
    each_rule(schema, part, &mut found);
    if found.is_empty() {
        return String::new();
    }
    let mut page = "\nRules across fields, as the API server says them:\n\n".to_owned();
    page.extend(found.into_iter().map(|(path, message)| format!("- `{path}`: {message}\n")));
    page
}

fn each_rule(schema: &Value, path: &str, found: &mut Vec<(String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let message =
            rule["message"].as_str().or_else(|| rule["messageExpression"].as_str()).unwrap_or_default();
        found.push((path.to_owned(), message.to_owned()));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        each_rule(field, &format!("{path}.{name}"), found);
    }
    if schema["items"].is_object() {
        each_rule(&schema["items"], &format!("{path}[]"), found);
    }
}

fn columns(columns: &Value) -> String {
    let mut page = "\n## Columns\n\nOf `kubectl get ssvc`; those marked wide need `-o wide`.\n\n".to_owned();
    page += &head(&["column", "shows", ""]);
    for column in columns.as_array().into_iter().flatten() {
        let wide = if column["priority"].as_i64().unwrap_or(0) > 0 { "wide" } else { "" };
        page += &row(&[text(&column["name"]), &format!("`{}`", text(&column["jsonPath"])), wide]);
    }
    page
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
