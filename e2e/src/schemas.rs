//! Strict JSON schemas of Kubernetes' own kinds, for a validator without network: taken from the `OpenAPI` description that
//! Kubernetes' Go module holds.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};

/// The release whose kinds are described.
const MODULE: &str = "k8s.io/kubernetes@v1.34.4";
const REFERENCE: &str = "#/definitions/";

/// Writes a schema for each of these kinds into a folder, under the names that [`location`] tells the validator.
/// `None` where Go is missing.
pub fn write(kinds: &BTreeSet<String>, folder: &Path) -> anyhow::Result<Option<()>> {
    let Some(module) = module()? else { return Ok(None) };
    let path = module.join("api/openapi-spec/swagger.json");
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let description: Value = serde_json::from_str(&text)?;
    let definitions = description["definitions"].as_object().context("the description has no definitions")?;
    for (name, definition) in definitions {
        for of in definition["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let part = |key: &str| of[key].as_str().unwrap_or_default().to_lowercase();
            if kinds.contains(of["kind"].as_str().unwrap_or_default()) {
                let group = match part("group").split('.').next() {
                    None | Some("") => String::new(), // of the core
                    Some(group) => format!("{group}-"),
                };
                let file = folder.join(format!("{}-{group}{}.json", part("kind"), part("version")));
                fs::write(file, schema(name, definitions).to_string())?;
            }
        }
    }
    Ok(Some(()))
}

/// For the validator's `-schema-location`.
pub fn location(folder: &Path) -> String {
    format!("{}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json", folder.display())
}

/// The folder of the Go module, which Go loads into its cache where it is missing.
fn module() -> anyhow::Result<Option<PathBuf>> {
    let Ok(output) = Command::new("go").args(["mod", "download", "-json", MODULE]).output() else {
        return Ok(None);
    };
    ensure!(output.status.success(), "go mod download {MODULE}: {}", String::from_utf8_lossy(&output.stdout));
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    Ok(Some(answer["Dir"].as_str().context("go names no folder")?.into()))
}

/// A definition with all that it refers to.
fn schema(name: &str, all: &Map<String, Value>) -> Value {
    let mut taken = Map::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if taken.contains_key(&name) {
            continue;
        }
        let Some(definition) = all.get(&name) else { continue };
        references(definition, &mut open);
        taken.insert(name.clone(), strict(&name, definition));
    }
    json!({ "$ref": format!("{REFERENCE}{name}"), "definitions": taken })
}

fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                into.extend(reference.strip_prefix(REFERENCE).map(str::to_owned));
            }
            map.values().for_each(|value| references(value, into));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

/// Unknown fields are errors; what may be a number or a string says so.
fn strict(name: &str, definition: &Value) -> Value {
    if name.ends_with(".intstr.IntOrString") || name.ends_with(".resource.Quantity") {
        return json!({ "type": ["string", "number"] });
    }
    let mut strict = definition.clone();
    if let Some(map) = strict.as_object_mut()
        && map.contains_key("properties")
    {
        map.entry("additionalProperties").or_insert(json!(false));
    }
    strict
}
