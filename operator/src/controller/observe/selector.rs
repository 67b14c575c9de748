//! PURE: reads a label selector as text, as a scale's `status.selector` has it.

use std::collections::{BTreeMap, BTreeSet};

use kube::core::{Expression, Selector, SelectorExt as _};

/// Longest text read, in bytes.
const MOST_BYTES: usize = 16 * 1024;
/// Most requirements in one selector, and most values in one set.
const MOST_ITEMS: usize = 256;

/// Why a text is no selector of pods.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Nothing is required: it would select every pod of the namespace.
    #[error(
        "the selector of the target's pods is empty: the target must say in status.selector which pods are its"
    )]
    Empty,
    /// It is too long to be read.
    #[error(
        "the selector of the target's pods is longer than {MOST_BYTES} bytes, or requires more than {MOST_ITEMS} things"
    )]
    TooLong,
    /// A part is no requirement on a label.
    #[error("the selector of the target's pods is not understood at {0:?}")]
    NotUnderstood(String),
}

/// What a selector requires of the labels of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodSelector {
    requirements: Selector,
    equal: Vec<(String, String)>,
}

impl PodSelector {
    /// Whether a pod with these labels is meant.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.matches(labels)
    }

    /// Labels that every pod which is meant has.
    pub fn equal(&self) -> &[(String, String)] {
        &self.equal
    }
}

/// Reads requirements with commas between: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`.
pub fn parse(text: &str) -> Result<PodSelector, SelectorError> {
    if text.len() > MOST_BYTES {
        return Err(SelectorError::TooLong);
    }
    let mut requirements = Vec::new();
    for part in parts(text) {
        let requirement = requirement(part.trim());
        requirements.push(requirement.ok_or_else(|| SelectorError::NotUnderstood(shortened(part.trim())))?);
        if requirements.len() > MOST_ITEMS {
            return Err(SelectorError::TooLong);
        }
    }
    if requirements.is_empty() {
        return Err(SelectorError::Empty);
    }
    let equal = requirements.iter().filter_map(|requirement| match requirement {
        Expression::Equal(key, value) => Some((key.clone(), value.clone())),
        _ => None,
    });
    Ok(PodSelector { equal: equal.collect(), requirements: requirements.into_iter().collect() })
}

/// What lies between commas outside parentheses; nothing in a blank text.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    let between = move |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth <= 0
    };
    text.split(between).filter(move |_| !text.trim().is_empty())
}

fn requirement(text: &str) -> Option<Expression> {
    if let Some(key) = text.strip_prefix('!') {
        return Some(Expression::DoesNotExist(label_key(key)?));
    }
    if let Some((head, values)) = text.split_once('(') {
        let (key, operator) = head.trim().split_once(char::is_whitespace)?;
        let (key, values) = (label_key(key)?, set(values.strip_suffix(')')?)?);
        return match operator.trim() {
            "in" => Some(Expression::In(key, values)),
            "notin" => Some(Expression::NotIn(key, values)),
            _ => None,
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some(Expression::NotEqual(label_key(key)?, label_value(value)?));
    }
    match text.split_once("==").or_else(|| text.split_once('=')) {
        Some((key, value)) => Some(Expression::Equal(label_key(key)?, label_value(value)?)),
        None => Some(Expression::Exists(label_key(text)?)),
    }
}

fn set(text: &str) -> Option<BTreeSet<String>> {
    let values: BTreeSet<String> = text.split(',').map(label_value).collect::<Option<_>>()?;
    (values.len() <= MOST_ITEMS).then_some(values)
}

fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    (!text.is_empty() && text.chars().all(allowed)).then(|| text.to_owned())
}

fn label_value(text: &str) -> Option<String> {
    let text = text.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.chars().all(allowed).then(|| text.to_owned())
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::equal("app=orders", true)]
    #[case::equal_twice("app==orders", true)]
    #[case::other_value("app=carts", false)]
    #[case::spaces(" app = orders , tier in ( web , api ) ", true)]
    #[case::all_kinds("app=orders,tier in (web),!gone,zone notin (a,b),app != carts,tier", true)]
    #[case::not_in_the_set("tier in (api,db)", false)]
    #[case::in_the_excluded_set("tier notin (web)", false)]
    #[case::excluded_set_without_the_label("zone notin (web)", true)]
    #[case::exists("tier", true)]
    #[case::does_not_exist("zone", false)]
    #[case::must_not_exist("!app", false)]
    #[case::unequal("app!=orders", false)]
    #[case::unequal_without_the_label("zone!=a", true)]
    #[case::empty_value("app=", false)]
    #[case::prefixed_key("app.kubernetes.io/name=orders", true)]
    #[case::set_with_nothing("tier in ()", false)]
    fn what_is_selected(#[case] text: &str, #[case] selected: bool) {
        let labels = [("app", "orders"), ("tier", "web"), ("app.kubernetes.io/name", "orders")];
        let labels: BTreeMap<_, _> = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(parse(text).unwrap().matches(&labels), selected);
    }

    #[rstest]
    #[case("a=b,")]
    #[case(",a=b")]
    #[case("a in (b")]
    #[case("a in b)")]
    #[case("a within (b)")]
    #[case("a=b=c d")]
    #[case("in (b)")]
    #[case("=b")]
    #[case("!")]
    #[case("a > 5")]
    #[case("a in (b) c")]
    fn what_is_not_understood_is_named(#[case] text: &str) {
        assert!(matches!(parse(text), Err(SelectorError::NotUnderstood(_))), "{:?}", parse(text));
    }

    #[test]
    fn a_selector_of_everything_or_without_end_is_refused() {
        assert_eq!(parse(" "), Err(SelectorError::Empty));
        assert_eq!(parse(&"a,".repeat(300)), Err(SelectorError::TooLong));
        assert_eq!(parse(&"a".repeat(MOST_BYTES + 1)), Err(SelectorError::TooLong));
    }
}
