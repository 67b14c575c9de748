//! What `PUT /runtime` takes.

use std::fmt::{self, Formatter};
use std::num::NonZeroUsize;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::settings::{MAX_WORKERS, Pinning, Workers};
use crate::worker::Change;

/// The body of `PUT /runtime`: what it leaves out stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Wanted {
    #[serde(deserialize_with = "workers")]
    workers: Option<Workers>,
    pinning: Option<Pinning>,
}

impl From<Wanted> for Change {
    fn from(wanted: Wanted) -> Self {
        Self { workers: wanted.workers, pinning: wanted.pinning }
    }
}

fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Workers>, D::Error> {
    deserializer.deserialize_any(Count).map(Some)
}

struct Count;

impl Visitor<'_> for Count {
    type Value = Workers;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"auto\" or workers from 1 to {MAX_WORKERS}")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Workers, E> {
        let fits = usize::try_from(count).ok().and_then(NonZeroUsize::new).filter(|n| n.get() <= MAX_WORKERS);
        fits.map(Workers::Exactly).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(count), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Workers, E> {
        if text == "auto" { Ok(Workers::Auto) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }
}

/// For the fuzz targets: what the writes take, and that there are bounds to it.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz(bytes: &[u8]) {
    let _fewer = serde_json::from_slice::<super::connections::Fewer>(bytes);
    if let Ok(Wanted { workers: Some(Workers::Exactly(workers)), .. }) = serde_json::from_slice(bytes) {
        assert!(workers.get() <= MAX_WORKERS);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("{}", None, None)]
    #[case::number(r#"{"workers":3}"#, NonZeroUsize::new(3).map(Workers::Exactly), None)]
    #[case::auto(r#"{"workers":"auto"}"#, Some(Workers::Auto), None)]
    #[case::pinning(r#"{"pinning":"forced"}"#, None, Some(Pinning::Forced))]
    #[case::both(r#"{"pinning":"off","workers":"auto"}"#, Some(Workers::Auto), Some(Pinning::Off))]
    fn what_is_left_out_stays(
        #[case] body: &str,
        #[case] workers: Option<Workers>,
        #[case] pinning: Option<Pinning>,
    ) {
        let change: Change = serde_json::from_str::<Wanted>(body).unwrap().into();
        assert_eq!((change.workers, change.pinning), (workers, pinning));
    }

    #[rstest]
    #[case::none(r#"{"workers":0}"#, "integer `0`, expected \"auto\" or workers from 1 to 256")]
    #[case::too_many(r#"{"workers":257}"#, "integer `257`, expected \"auto\" or workers from 1 to 256")]
    #[case::negative(r#"{"workers":-1}"#, "integer `-1`, expected \"auto\" or workers from 1 to 256")]
    #[case::fraction(r#"{"workers":1.5}"#, "expected \"auto\" or workers from 1 to 256")]
    #[case::null(r#"{"workers":null}"#, "expected \"auto\" or workers from 1 to 256")]
    #[case::word(r#"{"workers":"many"}"#, "string \"many\", expected \"auto\" or workers from 1 to 256")]
    #[case::pinning(r#"{"pinning":true}"#, "pinning")]
    #[case::other_pinning(r#"{"pinning":"on"}"#, "expected one of `auto`, `off`, `forced`")]
    #[case::unknown(r#"{"workers":2,"pin":true}"#, "unknown field `pin`")]
    fn anything_else_is_refused_with_what_is_expected(#[case] body: &str, #[case] expected: &str) {
        let error = serde_json::from_str::<Wanted>(body).unwrap_err().to_string();
        assert!(error.contains(expected) || (expected == "pinning" && error.contains("expected")), "{error}");
    }
}
