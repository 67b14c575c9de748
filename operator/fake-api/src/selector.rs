//! Label and field selectors.

use serde_json::Value;

/// What a list or watch is narrowed to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    labels: Vec<Term>,
    fields: Vec<(String, String, Match)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Is,
    IsNot,
}

#[derive(Debug, Clone)]
struct Term {
    label: String,
    /// Empty: the label only has to exist, or with [`Match::IsNot`] to be absent.
    values: Vec<String>,
    how: Match,
}

impl Selector {
    pub(crate) fn parse(labels: Option<&str>, fields: Option<&str>) -> Self {
        let fields = fields.unwrap_or_default().split(',').filter_map(|term| {
            let (path, value, how) = equality(term)?;
            let pointer = format!("/{}", path.replace('.', "/"));
            Some((pointer, value.to_owned(), how))
        });
        Self { labels: terms(labels.unwrap_or_default()).map(term).collect(), fields: fields.collect() }
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.labels.iter().all(|term| term.holds(labels))
            && self.fields.iter().all(|(pointer, wanted, how)| {
                let found = object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                (found == wanted) == (*how == Match::Is)
            })
    }
}

impl Term {
    fn holds(&self, labels: Option<&Value>) -> bool {
        let found = labels.and_then(|labels| labels.get(&self.label)).and_then(Value::as_str);
        let matched = match found {
            Some(value) => self.values.is_empty() || self.values.iter().any(|wanted| wanted == value),
            None => false,
        };
        matched == (self.how == Match::Is)
    }
}

/// Splits at commas, but not within the parentheses of a set.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    let commas = text.split(move |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    commas.map(str::trim).filter(|term| !term.is_empty())
}

fn term(text: &str) -> Term {
    let set = |separator: &str| {
        let (label, values) = text.split_once(separator)?;
        let values = values.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some((label.trim().to_owned(), values.split(',').map(|value| value.trim().to_owned()).collect()))
    };
    if let Some((label, values)) = set(" notin ") {
        return Term { label, values, how: Match::IsNot };
    }
    if let Some((label, values)) = set(" in ") {
        return Term { label, values, how: Match::Is };
    }
    if let Some((label, value, how)) = equality(text) {
        return Term { label: label.to_owned(), values: vec![value.to_owned()], how };
    }
    match text.strip_prefix('!') {
        Some(label) => Term { label: label.to_owned(), values: Vec::new(), how: Match::IsNot },
        None => Term { label: text.to_owned(), values: Vec::new(), how: Match::Is },
    }
}

fn equality(text: &str) -> Option<(&str, &str, Match)> {
    let (name, value) = text.split_once('=')?;
    let (name, how) = name.strip_suffix('!').map_or((name, Match::Is), |name| (name, Match::IsNot));
    Some((name.trim(), value.trim_start_matches('=').trim(), how))
}

#[cfg(test)]
mod tests {
    use super::Selector;
    use serde_json::json;

    #[test]
    fn selects_by_labels_and_fields() {
        let pod = json!({"metadata": {"name": "a", "labels": {"app": "web", "tier": "front"}}});
        for (labels, fields, expected) in [
            ("app=web", "", true),
            ("app==web,tier=front", "", true),
            ("app=api", "", false),
            ("app!=api", "", true),
            ("app in (api, web),tier", "", true),
            ("app notin (api,web)", "", false),
            ("!missing", "", true),
            ("missing", "", false),
            ("", "metadata.name=a", true),
            ("", "metadata.name!=a", false),
            ("", "status.phase=Running", false),
        ] {
            let selector = Selector::parse(Some(labels), Some(fields));
            assert_eq!(selector.matches(&pod), expected, "{labels} {fields}");
        }
    }
}
