//! The line of a field, asked of the YAML parser itself: a walk along the path ends in an error at the
//! wanted key, and the parser stamps every error with its place. One more parse a fault is cheap at these
//! sizes, needs no second YAML library, and cannot disagree with what was read.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::path::{Path, Step};

/// The line, counted from 1, of the deepest part of the path that stands in the document with this index.
pub(super) fn line(text: &str, document: usize, path: &Path) -> usize {
    let steps = &path.0;
    let found = (0..=steps.len()).rev().find_map(|depth| {
        let document = serde_yaml::Deserializer::from_str(text).nth(document)?;
        Walk(&steps[..depth]).deserialize(document).err()?.location()
    });
    found.map_or(1, |location| location.line())
}

/// The rest of the way; ends in an error when it gets there and in `Ok` when the way does not exist.
struct Walk<'a>(&'a [Step]);

/// A key; an error when it is the last step, else whether it is the next one.
struct NextKey<'a>(&'a [Step]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Walk<'_> {
    /// A value without parts: the end of the way, or a dead end.
    fn end<E: Error>(&self) -> Result<(), E> {
        if self.0.is_empty() { Err(E::custom("here")) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.end()
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.end()
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.end()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.end()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.end()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.end()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.end()
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.end()?;
        let [Step::Index(wanted), rest @ ..] = self.0 else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        for _ in 0..*wanted {
            items.next_element::<IgnoredAny>()?;
        }
        items.next_element_seed(Walk(rest))?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.end()?;
        while let Some(is_next) = entries.next_key_seed(NextKey(self.0))? {
            if is_next {
                entries.next_value_seed(Walk(&self.0[1..]))?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for NextKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NextKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match self.0 {
            [Step::Key(wanted)] if wanted == key => Err(E::custom("here")),
            [Step::Key(wanted), ..] => Ok(wanted == key),
            _ => Ok(false),
        }
    }
}
