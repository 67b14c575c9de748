//! Where in a document a value stands, and how that is written: `spec.objectives.latency[0].threshold`.

use std::fmt;

/// One step from a value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into a field of a mapping.
    Key(String),
    /// Into an item of a list, counted from 0.
    Index(usize),
}

/// The steps from the root of a document to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// From field names separated by dots.
    pub(crate) fn of(fields: &str) -> Self {
        Self(
            fields
                .split('.')
                .filter(|field| !field.is_empty())
                .map(|field| Step::Key(field.to_owned()))
                .collect(),
        )
    }

    /// Into a field.
    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.0.push(Step::Key(key.into()));
        self
    }

    /// Into an item.
    pub(crate) fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// From here along the steps of another path.
    pub(crate) fn join(mut self, further: Self) -> Self {
        self.0.extend(further.0);
        self
    }
}

impl fmt::Display for Path {
    /// A key that is no plain field name stands in brackets and quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key)
                    if !key.chars().all(|letter| letter.is_alphanumeric() || "-_".contains(letter)) =>
                {
                    write!(f, "[{key:?}]")?;
                }
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}
