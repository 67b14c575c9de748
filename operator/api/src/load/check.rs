//! A document against the schema of the custom resource: fills in the defaults and finds everything that does
//! not fit. It knows exactly the keywords our schemas use; a test fails when a schema uses another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;
use serde_json::{Map, Value};

use super::wording;
use crate::{
    formats,
    path::{Path, Step},
};

/// Something that does not fit, and where.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) path: Path,
    pub(super) problem: String,
}

/// Everything in the document that does not fit the schema. Defaults are filled in.
pub(super) fn against(schema: &Value, document: &mut Value) -> Vec<Finding> {
    let mut check = Check { findings: Vec::new() };
    check.value(schema, document, &Path::default());
    check.findings
}

/// The value at a path.
pub(super) fn at<'a>(document: &'a Value, path: &Path) -> Option<&'a Value> {
    path.0.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

struct Check {
    findings: Vec<Finding>,
}

impl Check {
    fn push(&mut self, path: &Path, problem: String) {
        self.findings.push(Finding { path: path.clone(), problem });
    }

    fn value(&mut self, schema: &Value, value: &mut Value, path: &Path) {
        if schema["x-kubernetes-int-or-string"] == true {
            return self.number_or_text(schema, value, path);
        }
        match (schema["type"].as_str(), &mut *value) {
            (Some("object"), Value::Object(fields)) => self.object(schema, fields, path),
            (Some("array"), Value::Array(items)) => self.array(schema, items, path),
            (Some("string"), Value::String(text)) => self.text(schema, text, path),
            (Some("integer"), Value::Number(number)) if !number.is_f64() => self.range(schema, value, path),
            (Some("boolean"), Value::Bool(_)) | (None, _) => {}
            (Some(_), found) => self.push(path, wording::wrong_type(schema, found)),
        }
    }

    fn object(&mut self, schema: &Value, fields: &mut Map<String, Value>, path: &Path) {
        let Some(known) = schema["properties"].as_object() else {
            return self.map(schema, fields, path);
        };
        let names: Vec<_> = known.keys().map(String::as_str).collect();
        let mut misspelled = Vec::new();
        // A field without a value is one that was left out, as for the API server.
        fields.retain(|key, value| !value.is_null() || !known.contains_key(key));
        for (key, value) in fields.iter_mut() {
            let place = path.clone().key(key);
            if let Some(field) = known.get(key) {
                self.value(field, value, &place);
            } else {
                misspelled.extend(wording::nearest(key, &names));
                self.push(&place, wording::unknown_field(key, &names));
            }
        }
        // A field that stands there misspelled is not told as missing too.
        for (key, field) in known.iter().filter(|(key, _)| !misspelled.contains(&key.as_str())) {
            self.absent(schema, key, field, fields, path);
        }
    }

    /// A field that is not there: its default, or a finding where it is required.
    fn absent(
        &mut self,
        schema: &Value,
        key: &str,
        field: &Value,
        fields: &mut Map<String, Value>,
        path: &Path,
    ) {
        if fields.contains_key(key) {
            return;
        }
        let place = path.clone().key(key);
        if let Some(default) = field.get("default") {
            let mut default = default.clone();
            self.value(field, &mut default, &place);
            fields.insert(key.to_owned(), default);
        } else if required(schema, key) {
            self.push(&place, wording::missing(field));
        }
    }

    /// An object whose keys the user chooses.
    fn map(&mut self, schema: &Value, fields: &mut Map<String, Value>, path: &Path) {
        if let Some(most) = limit(schema, "maxProperties").filter(|most| fields.len() > *most) {
            self.push(path, format!("must have at most {most} entries; found {}", fields.len()));
        }
        if let Some(entry) = schema.get("additionalProperties") {
            for (key, value) in fields.iter_mut() {
                self.value(entry, value, &path.clone().key(key));
            }
        }
    }

    fn array(&mut self, schema: &Value, items: &mut [Value], path: &Path) {
        let count = items.len();
        if limit(schema, "minItems").is_some_and(|least| count < least)
            || limit(schema, "maxItems").is_some_and(|most| count > most)
        {
            self.push(path, wording::wrong_count(schema, count));
        }
        for (index, item) in items.iter_mut().enumerate() {
            self.value(&schema["items"], item, &path.clone().index(index));
        }
        self.keys_twice(schema, items, path);
    }

    /// `x-kubernetes-list-map-keys`: no two items may agree in these fields.
    fn keys_twice(&mut self, schema: &Value, items: &[Value], path: &Path) {
        for key in
            schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str)
        {
            let mut seen = BTreeSet::new();
            for (index, found) in
                items.iter().enumerate().filter_map(|(index, item)| Some((index, item[key].as_str()?)))
            {
                if !seen.insert(found) {
                    let problem =
                        format!("{found:?} stands in this list twice; every {key} must be different");
                    self.push(&path.clone().index(index).key(key), problem);
                }
            }
        }
    }

    fn number_or_text(&mut self, schema: &Value, value: &Value, path: &Path) {
        match value {
            Value::Number(number) if !number.is_f64() => self.range(schema, value, path),
            Value::String(text) => self.text(schema, text, path),
            found => self.push(path, wording::wrong_type(schema, found)),
        }
    }

    fn range(&mut self, schema: &Value, value: &Value, path: &Path) {
        let number = value.as_i64().map_or(f64::INFINITY, |number| number as f64);
        let below = schema["minimum"].as_f64().is_some_and(|least| number < least);
        let above = schema["maximum"].as_f64().is_some_and(|most| number > most);
        if below || above {
            self.push(path, wording::out_of_range(schema, value));
        }
    }

    fn text(&mut self, schema: &Value, text: &str, path: &Path) {
        if let Some(allowed) = schema["enum"].as_array() {
            if !allowed.iter().any(|value| value == text) {
                self.push(path, wording::not_one_of(text, allowed));
            }
            return;
        }
        let length = text.chars().count();
        if !fits(schema, text) {
            self.push(path, wording::wrong_format(schema, text));
        } else if limit(schema, "minLength").is_some_and(|least| length < least)
            || limit(schema, "maxLength").is_some_and(|most| length > most)
        {
            self.push(path, wording::wrong_length(schema, length));
        }
    }
}

fn required(schema: &Value, key: &str) -> bool {
    schema["required"].as_array().is_some_and(|keys| keys.iter().any(|required| required == key))
}

pub(super) fn limit(schema: &Value, keyword: &str) -> Option<usize> {
    schema[keyword].as_f64().map(|limit| limit as usize)
}

/// Whether the text has the format of the schema.
pub(super) fn fits(schema: &Value, text: &str) -> bool {
    static COMPILED: LazyLock<BTreeMap<&'static str, Regex>> = LazyLock::new(|| {
        let compiled =
            formats::ALL.iter().filter_map(|format| Some((format.pattern, Regex::new(format.pattern).ok()?)));
        compiled.collect()
    });
    // A pattern that is not ours would match nothing; a test compares the schema with the table.
    schema["pattern"]
        .as_str()
        .is_none_or(|pattern| COMPILED.get(pattern).is_some_and(|regex| regex.is_match(text)))
}
