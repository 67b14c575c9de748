//! One document to one service: kind first, then the shape against the schema, then the rules.

use std::{collections::BTreeMap, sync::LazyLock};

use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    Fault, MOST_FAULTS,
    check::{self, Finding},
    locate, read,
    wording::shown,
};
use crate::{
    formats, manifests,
    path::Path,
    rules,
    service::{GROUP, ScaledService, VERSION},
};

/// The services of a file, what is wrong with it, and how many further faults are not told.
pub(super) fn services(text: &str) -> (Vec<ScaledService>, Vec<Fault>, usize) {
    let (documents, unread) = read::documents(text);
    let mut services = Vec::new();
    let mut found = Vec::new();
    let mut names = BTreeMap::new();
    let mut faults = Vec::new();
    if documents.is_empty() && unread.is_none() {
        faults.push(whole(1, format!("holds no {KIND}; it must hold at least one")));
    }
    faults.extend(unread.map(|fault| whole(fault.line, fault.problem)));
    for (index, document) in documents {
        let (service, mut findings) = service(document);
        if let Some(service) = service {
            findings.extend(named_twice(&service, index, &mut names));
            services.push(service);
        }
        found.extend(findings.into_iter().map(|finding| (index, finding)));
    }
    // Finding a line costs a parse, so only what is told is looked up.
    let untold = found.len().saturating_sub(MOST_FAULTS);
    let told = found.into_iter().take(MOST_FAULTS);
    faults.extend(told.map(|(index, finding)| located(text, index, finding)));
    faults.sort_by_key(|fault| fault.line);
    (services, faults, untold)
}

const KIND: &str = "ScaledService";

fn whole(line: usize, problem: String) -> Fault {
    Fault { line, field: String::new(), problem }
}

fn located(text: &str, document: usize, finding: Finding) -> Fault {
    let line = locate::line(text, document, &finding.path);
    Fault { line, field: finding.path.to_string(), problem: finding.problem }
}

/// The service, when the document can be read as one, and what is wrong with the document.
fn service(mut document: Value) -> (Option<ScaledService>, Vec<Finding>) {
    if let Some(finding) = other_kind(&document) {
        return (None, vec![finding]);
    }
    let mut findings = check::against(&SCHEMA, &mut document);
    match serde_path_to_error::deserialize::<_, ScaledService>(&document) {
        Ok(service) => {
            findings.extend(broken_rules(&service, &document));
            (Some(service), findings)
        }
        Err(error) => {
            // With findings, they say the same in better words.
            if findings.is_empty() {
                let path = Path::of(&error.path().to_string());
                findings.push(Finding { path, problem: error.into_inner().to_string() });
            }
            (None, findings)
        }
    }
}

/// A document of another kind is refused as a whole: its fields are not ours to judge.
fn other_kind(document: &Value) -> Option<Finding> {
    let api_version = format!("{GROUP}/{VERSION}");
    let expected = [("kind", KIND), ("apiVersion", api_version.as_str())];
    expected.into_iter().find_map(|(field, wanted)| {
        let found = document.get(field)?;
        (found != wanted).then(|| Finding {
            path: Path::of(field),
            problem: format!(
                "{} cannot be read here; a file may hold only {KIND} ({api_version})",
                shown(found)
            ),
        })
    })
}

fn broken_rules(service: &ScaledService, document: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in rules::all() {
        for place in (rule.broken_at)(&service.spec) {
            let path = Path::of("spec").join(place);
            let problem =
                match check::at(document, &path).filter(|found| !found.is_object() && !found.is_array()) {
                    Some(found) => format!("{}; found {}", rule.message, shown(found)),
                    None => rule.message.to_owned(),
                };
            findings.push(Finding { path, problem });
        }
    }
    findings
}

fn named_twice(
    service: &ScaledService,
    index: usize,
    names: &mut BTreeMap<(Option<String>, String), usize>,
) -> Option<Finding> {
    let first = names.insert((service.namespace(), service.name_any()), index)?;
    Some(Finding {
        path: Path::of("metadata.name"),
        problem: format!("{:?} is also the name of document {} in this file", service.name_any(), first + 1),
    })
}

/// The schema of a whole document: the custom resource's, with what a person may write as metadata.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let crd = manifests::crd_value::<ScaledService>().unwrap_or_default();
    let mut schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    schema["properties"]["apiVersion"] =
        json!({ "type": "string", "description": format!("{GROUP}/{VERSION}") });
    schema["properties"]["kind"] = json!({ "type": "string", "description": KIND });
    schema["properties"]["metadata"] = metadata();
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    schema
});

/// What a person may write as metadata, and what the API server adds, so that a service read from a cluster
/// loads too.
fn metadata() -> Value {
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let name = formats::SERVICE_NAME;
    json!({
        "type": "object",
        "description": "at least a name",
        "required": ["name"],
        "properties": {
            "name": {
                "type": "string", "description": "what the service is called in its namespace",
                "minLength": 1, "maxLength": name.max, "pattern": name.pattern,
            },
            "namespace": { "type": "string", "maxLength": formats::LABEL.max, "pattern": formats::LABEL.pattern },
            "labels": texts,
            "annotations": texts,
            "creationTimestamp": {}, "deletionGracePeriodSeconds": {}, "deletionTimestamp": {}, "finalizers": {},
            "generateName": {}, "generation": {}, "managedFields": {}, "ownerReferences": {}, "resourceVersion": {},
            "selfLink": {}, "uid": {},
        },
    })
}
