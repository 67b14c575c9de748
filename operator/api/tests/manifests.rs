//! The manifests checked in under `crds/` are what the types say, small enough, and structural.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helper functions too")]

use std::{fs, path::Path};

use headroom_api::{GROUP, ScaledService, VERSION, manifests};
use kube::{CustomResourceExt, Resource};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds");

fn crd() -> Value {
    let (_, yaml) = manifests().unwrap().remove(0);
    serde_yaml::from_str(&yaml).unwrap()
}

#[test]
fn the_checked_in_manifests_are_current() {
    let mut wanted = Vec::new();
    for (name, yaml) in manifests().unwrap() {
        let found = fs::read_to_string(Path::new(FOLDER).join(&name)).unwrap_or_default();
        assert!(found == yaml, "crds/{name} is stale: run `make generate`");
        wanted.push(name);
    }
    let found = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left_over: Vec<_> = found.filter(|name| !wanted.contains(name)).collect();
    assert!(left_over.is_empty(), "crds/ holds files that no type makes: {left_over:?}; remove them");
}

#[test]
fn each_manifest_is_below_100_kilobytes() {
    for (name, yaml) in manifests().unwrap() {
        assert!(yaml.len() < 100_000, "{name} has {} bytes", yaml.len());
    }
}

#[test]
fn group_and_version_are_the_constants() {
    assert_eq!(ScaledService::group(&()), GROUP);
    assert_eq!(ScaledService::version(&()), VERSION);
    assert_eq!(ScaledService::crd_name(), format!("scaledservices.{GROUP}"));
}

#[test]
fn the_kind_is_namespaced_with_short_name_category_and_status() {
    let crd = crd();
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    assert_eq!(crd["spec"]["names"]["shortNames"][0], "ssvc");
    assert_eq!(crd["spec"]["names"]["categories"][0], "headroom");
    assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    assert!(crd["spec"]["versions"][0]["subresources"]["status"].is_object());
}

#[test]
fn the_columns_are_those_people_read_and_each_shows_a_field_of_the_schema() {
    let crd = crd();
    let version = &crd["spec"]["versions"][0];
    let columns = version["additionalPrinterColumns"].as_array().unwrap();
    let named = |priority: i64| {
        let shown = columns.iter().filter(move |column| column["priority"].as_i64().unwrap_or(0) == priority);
        shown.map(|column| column["name"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(named(0), ["Mode", "Offered", "Capacity", "P99", "Replicas", "Ready", "Reason", "Age"]);
    assert_eq!(named(1), ["Target", "QPS", "PerPod", "Budget", "CPU", "Workers", "Lead", "LastChange"]);

    for column in columns {
        let path = column["jsonPath"].as_str().unwrap().split('[').next().unwrap();
        let mut schema = &version["schema"]["openAPIV3Schema"];
        for field in path.split('.').filter(|field| !field.is_empty() && !path.starts_with(".metadata")) {
            schema = &schema["properties"][field];
        }
        assert!(schema.is_object(), "{path} is not in the schema");
    }
}

/// Calls `look` with every schema inside this one and where it stands.
fn each_schema(schema: &Value, place: &str, look: &mut impl FnMut(&Value, &str)) {
    look(schema, place);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        each_schema(field, &format!("{place}.{name}"), look);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            each_schema(&schema[inner], &format!("{place}[]"), look);
        }
    }
}

fn spec_schema() -> Value {
    crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

#[test]
fn every_field_of_the_spec_is_described() {
    each_schema(&spec_schema(), "spec", &mut |schema, place| {
        let is_item = place.ends_with("[]");
        assert!(is_item || schema["description"].is_string(), "{place} has no description");
    });
}

#[test]
fn every_list_map_text_and_number_of_the_spec_is_bounded() {
    each_schema(&spec_schema(), "spec", &mut |schema, place| {
        let bound = match schema["type"].as_str() {
            Some("array") => "maxItems",
            Some("object") if schema["additionalProperties"].is_object() => "maxProperties",
            Some("string") if schema["enum"].is_null() => "maxLength",
            Some("integer") => "maximum",
            Some("object" | "string") => return,
            _ => "pattern",
        };
        assert!(!schema[bound].is_null(), "{place} has no {bound}");
    });
}

#[test]
fn no_field_is_a_floating_point_number() {
    let crd = crd();
    let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    each_schema(root, "", &mut |schema, place| {
        assert_ne!(schema["type"], "number", "{place}");
    });
}

/// The loader reads the schema; a keyword it does not know would be a rule it does not hold.
#[test]
fn the_schema_uses_only_keywords_that_the_loader_knows() {
    const KNOWN: [&str; 22] = [
        "additionalProperties",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-validations",
    ];
    let crd = crd();
    let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    each_schema(root, "", &mut |schema, place| {
        for keyword in schema.as_object().unwrap().keys() {
            assert!(KNOWN.contains(&keyword.as_str()), "{place} uses {keyword}");
        }
    });
}

#[test]
fn a_checkpoint_is_found_beside_its_service_and_bounded() {
    let (name, yaml) = manifests().unwrap().remove(1);
    let crd: Value = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(name, "headroom.dev_scaledservicecheckpoints.yaml");
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    assert_eq!(crd["spec"]["names"]["shortNames"][0], "ssvcc");
    assert_eq!(crd["spec"]["names"]["categories"][0], "headroom");
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    assert_eq!(spec["properties"]["learned"]["maxLength"], 65_536);
    assert_eq!(spec["properties"]["savedAt"]["format"], "date-time");
    assert_eq!(spec["required"].as_array().unwrap().len(), 3);
}

/// Nobody should have to read a regular expression: beside each pattern of a text stands what fits, in words.
#[test]
fn every_pattern_of_a_text_is_explained() {
    let mut explained = 0;
    each_schema(&spec_schema(), "spec", &mut |schema, place| {
        let (Some(pattern), Some("string")) = (schema["pattern"].as_str(), schema["type"].as_str()) else {
            return;
        };
        let rules = schema["x-kubernetes-validations"].as_array().unwrap_or_else(|| panic!("{place}"));
        let [rule] = rules.as_slice() else { panic!("{place}: {rules:?}") };
        assert_eq!(rule["rule"].as_str().unwrap().replace(r"\\", "\\"), format!("self.matches('{pattern}')"));
        let message = rule["message"].as_str().unwrap();
        assert!(message.starts_with("must be ") && !message.contains('\n'), "{place}: {message}");
        explained += 1;
    });
    assert!(explained >= 20, "{explained}");
}
