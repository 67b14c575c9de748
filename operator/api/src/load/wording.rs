//! What a person reads about a value that does not fit: what is wrong, what is allowed, and the nearest
//! thing that would have been right.

use serde_json::Value;

use super::check::{fits, limit};
use crate::formats;

/// What people try that has another name here or is refused on purpose.
const HINTS: [(&str, &str); 13] = [
    ("replicas", "Headroom sets the size: give minReplicas and maxReplicas"),
    ("affinity", "use nodeSelector, tolerations and topologySpread"),
    ("volumeMounts", "give mountPath in volumes"),
    ("serviceAccount", NEVER),
    ("serviceAccountName", NEVER),
    ("automountServiceAccountToken", NEVER),
    ("securityContext", NEVER),
    ("hostNetwork", NEVER),
    ("hostPID", NEVER),
    ("hostIPC", NEVER),
    ("hostPath", NEVER),
    ("hostAliases", NEVER),
    ("privileged", NEVER),
];

const NEVER: &str = "never allowed, as it could let a pod out of its namespace";

/// A field the schema does not have.
pub(super) fn unknown_field(key: &str, allowed: &[&str]) -> String {
    let hint = HINTS.iter().find(|(field, _)| *field == key).map(|(_, hint)| format!("; {hint}"));
    let hint = hint.or_else(|| nearest(key, allowed).map(|near| format!("; did you mean {near}?")));
    format!("unknown field{} (allowed here: {})", hint.unwrap_or_default(), allowed.join(", "))
}

/// A required field that is not there.
pub(super) fn missing(field: &Value) -> String {
    let description = field["description"].as_str().unwrap_or_default();
    let first = description.split_once(". ").map_or(description, |(first, _)| first).trim_end_matches('.');
    let first = first.split_whitespace().collect::<Vec<_>>().join(" ");
    if first.is_empty() {
        "required but missing".to_owned()
    } else {
        format!("required but missing: {first}")
    }
}

/// A value of another type than the schema's.
pub(super) fn wrong_type(schema: &Value, found: &Value) -> String {
    let pattern = schema["pattern"].as_str().and_then(formats::expected);
    let lacks_only_quotes = found.is_number() && fits(schema, &found.to_string());
    let expected = match (pattern, schema["type"].as_str()) {
        (Some(_), _) if lacks_only_quotes => format!("text; write it in quotes: \"{found}\""),
        (Some(expected), _) => expected.to_owned(),
        (None, Some("object")) => "a mapping of fields".to_owned(),
        (None, Some("array")) => "a list (each item begins with \"- \")".to_owned(),
        (None, Some("integer")) => format!("a whole number{}, without quotes or unit", bounds(schema)),
        (None, Some("string")) => match (schema["enum"].as_array(), found) {
            (Some(allowed), _) => format!("one of {}", listed(allowed)),
            (None, Value::Number(_) | Value::Bool(_)) => format!("text; write it in quotes: \"{found}\""),
            (None, _) => "text".to_owned(),
        },
        (None, other) => format!("a {}", other.unwrap_or("value")),
    };
    format!("must be {expected}; found {}", shown(found))
}

/// A number outside the bounds.
pub(super) fn out_of_range(schema: &Value, found: &Value) -> String {
    format!("must be{}; found {}", bounds(schema), shown(found))
}

fn bounds(schema: &Value) -> String {
    match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" at least {least}"),
        (None, Some(most)) => format!(" at most {most}"),
        (None, None) => String::new(),
    }
}

/// A list of the wrong length.
pub(super) fn wrong_count(schema: &Value, count: usize) -> String {
    let least = limit(schema, "minItems").unwrap_or_default();
    let most = limit(schema, "maxItems").map_or_else(String::new, |most| format!(" to {most}"));
    format!("must have {least}{most} items; found {count}")
}

/// A text outside the lengths.
pub(super) fn wrong_length(schema: &Value, length: usize) -> String {
    let least = limit(schema, "minLength").unwrap_or_default();
    let most = limit(schema, "maxLength").map_or_else(String::new, |most| format!(" to {most}"));
    format!("must have {least}{most} characters; found {length}")
}

/// A text that does not have the format.
pub(super) fn wrong_format(schema: &Value, found: &str) -> String {
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    format!("must be {}; found {}", formats::expected(pattern).unwrap_or(pattern), quoted(found))
}

/// A text that is none of the values.
pub(super) fn not_one_of(found: &str, allowed: &[Value]) -> String {
    let names: Vec<_> = allowed.iter().filter_map(Value::as_str).collect();
    let near = nearest(found, &names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("must be one of {}; found {}{near}", listed(allowed), quoted(found))
}

fn listed(allowed: &[Value]) -> String {
    allowed.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// A value as a person names it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// The text in quotes, cut when long; control characters are escaped, as it goes to a terminal.
fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return format!("{text:?}");
    }
    format!("{:?}...", text.chars().take(MOST).collect::<String>())
}

/// The allowed word that a slip of the finger away gives this one.
pub(super) fn nearest<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
    let close = allowed.iter().map(|candidate| (distance(candidate), *candidate));
    let most = (word.chars().count() / 3).max(1);
    close.filter(|(distance, _)| *distance <= most).min().map(|(_, candidate)| candidate)
}
