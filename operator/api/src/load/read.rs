//! YAML text to JSON values, one a document, with the limits that keep a hostile file small: values in all
//! (aliases included), documents, depth. A key that stands twice is an error.

use std::{cell::Cell, collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most values in one file. Aliases count with everything they stand for, so a bomb ends here.
const MOST_VALUES: usize = 100_000;

/// The most documents in one file.
const MOST_DOCUMENTS: usize = 100;

/// Deepest nesting of brackets. The parser below needs time that grows with the square of the depth
/// before its own limit counts, so this is looked at first.
const MOST_DEPTH: usize = 128;

/// Text that is no YAML, or more than we read.
#[derive(Debug)]
pub(super) struct ReadFault {
    /// Line in the file, counted from 1.
    pub(super) line: usize,
    pub(super) problem: String,
}

/// The documents of a file, each with its place among all of them; empty ones are left out. What was read
/// before a fault is given too.
pub(super) fn documents(text: &str) -> (Vec<(usize, Value)>, Option<ReadFault>) {
    let mut values = Vec::new();
    if let Some(line) = too_deep(text) {
        return (values, Some(ReadFault { line, problem: TOO_DEEP.to_owned() }));
    }
    let left = Cell::new(MOST_VALUES);
    for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
        if index >= MOST_DOCUMENTS {
            let problem = format!("more than {MOST_DOCUMENTS} documents; split the file");
            return (values, Some(ReadFault { line: 1, problem }));
        }
        match (Tree { left: &left }).deserialize(document) {
            Ok(Value::Null) => {}
            Ok(value) => values.push((index, value)),
            Err(error) => return (values, Some(fault(text, &error))),
        }
    }
    (values, None)
}

const TOO_DEEP: &str = "nested deeper than 128 levels; a ScaledService needs fewer than 10";

/// The line on which brackets nest too deeply. Brackets in quoted text or comments count too: no service
/// has a hundred of them open.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, line) in text.lines().enumerate() {
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MOST_DEPTH {
                return Some(index + 1);
            }
        }
    }
    None
}

fn fault(text: &str, error: &serde_yaml::Error) -> ReadFault {
    let line = error.location().map_or(1, |location| location.line());
    let place = error.location().map(|at| format!(" at line {} column {}", at.line(), at.column()));
    let message = error.to_string();
    let message = place.into_iter().fold(message, |message, place| message.replacen(&place, "", 1));
    let problem = if message.contains(OURS) {
        message.replace(OURS, "")
    } else if message.contains("recursion limit exceeded") {
        TOO_DEEP.to_owned()
    } else if message.contains("repetition limit exceeded") {
        too_many_values()
    } else if indented_by_tab(text, line) {
        "indented with a tab; YAML takes only spaces".to_owned()
    } else {
        format!("not valid YAML: {message}")
    };
    ReadFault { line, problem }
}

fn indented_by_tab(text: &str, line: usize) -> bool {
    let indent =
        |line: &str| line.chars().take_while(|letter| letter.is_whitespace()).any(|letter| letter == '\t');
    text.lines().nth(line - 1).is_some_and(indent)
}

/// Marks messages of this file among those of the parser.
const OURS: &str = "\u{1}";

fn too_many_values() -> String {
    format!("more than {MOST_VALUES} values, counting what aliases stand for")
}

/// One value and all inside it.
#[derive(Clone, Copy)]
struct Tree<'a> {
    left: &'a Cell<usize>,
}

/// A key of a mapping that must be new.
struct NewKey<'a>(&'a BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(D::Error::custom(format!("{OURS}{}", too_many_values()))),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without a YAML tag")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(A::Error::custom(format!("{OURS}YAML tags (!name) are not read; write the plain value")))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{OURS}not a finite number")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut keys = BTreeSet::new();
        let mut fields = Map::new();
        while let Some(key) = entries.next_key_seed(NewKey(&keys))? {
            keys.insert(key.clone());
            fields.insert(key, entries.next_value_seed(self)?);
        }
        Ok(Value::Object(fields))
    }
}

impl<'de> DeserializeSeed<'de> for NewKey<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NewKey<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        if self.0.contains(key) {
            return Err(E::custom(format!("{OURS}the field {key:?} stands here twice; remove one")));
        }
        Ok(key.to_owned())
    }
}
