//! Rules across fields: each once, with its CEL text for the API server, its predicate for the file loader
//! and one message for both. A test runs both on the same objects and wants the same verdicts.
//!
//! The CEL interpreter itself stays a test dependency: it would bring a parser generator, a second date
//! library and Unicode tables into the operator to evaluate two dozen fixed expressions.

mod sizing;
mod workload;

use kube::core::Rule as CelRule;
use schemars::Schema;

use crate::{formats, path::Path, service::ScaledServiceSpec};

/// A rule across fields of the spec.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The rule for the API server; `self` is the spec, with defaults filled in.
    cel: &'static str,
    /// What to do, for a person; used by both.
    pub(crate) message: &'static str,
    /// The field the API server names, below the spec.
    field: &'static str,
    /// The places below the spec that break the rule; empty when it holds.
    pub(crate) broken_at: fn(&ScaledServiceSpec) -> Vec<Path>,
}

/// Every rule of the spec.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    sizing::RULES.iter().chain(&workload::RULES)
}

/// Writes every rule into the schema of the spec.
pub(crate) fn attach(schema: &mut Schema) {
    let rules = all().map(|rule| {
        serde_json::json!({ "rule": rule.cel, "message": rule.message, "fieldPath": format!(".{}", rule.field) })
    });
    let rules = rules.collect::<Vec<_>>();
    schema.ensure_object().insert("x-kubernetes-validations".to_owned(), rules.into());
}

/// The rule about the name, which lives outside the spec; the loader has it in its schema of the metadata.
pub(crate) fn service_name() -> CelRule {
    let format = formats::SERVICE_NAME;
    let rule = format!(
        "size(self.metadata.name) <= {} && self.metadata.name.matches('{}')",
        format.max, format.pattern
    );
    let message = format!("metadata.name must be at most {} {}", format.max, format.expected);
    CelRule::new(rule).message(message.as_str())
}

/// The place, when the rule is broken there.
fn when(broken: bool, place: &str) -> Vec<Path> {
    if broken { vec![Path::of(place)] } else { Vec::new() }
}

/// The places in a list whose items break the rule.
fn items<'a, T>(
    list: &'a [T],
    place: impl Fn(usize) -> Path,
    broken: impl Fn(usize, &'a T) -> bool,
) -> Vec<Path> {
    list.iter()
        .enumerate()
        .filter(|(index, item)| broken(*index, item))
        .map(|(index, _)| place(index))
        .collect()
}

#[cfg(test)]
mod tests;
