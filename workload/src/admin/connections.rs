//! What `PUT /connections` takes and answers.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

/// The body of `PUT /connections`: those above so many end, gently.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Fewer {
    pub(super) at_most: NonZeroUsize,
}

/// What is true about the client connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connections {
    /// Open now.
    pub(super) connections: usize,
    /// Of these, those that were ordered to end.
    pub(super) ending: usize,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::one(r#"{"atMost":1}"#, Some(1))]
    #[case::many(r#"{"atMost":100000}"#, Some(100_000))]
    #[case::none(r#"{"atMost":0}"#, None)]
    #[case::negative(r#"{"atMost":-1}"#, None)]
    #[case::fraction(r#"{"atMost":1.5}"#, None)]
    #[case::absent("{}", None)]
    #[case::unknown(r#"{"atMost":1,"now":true}"#, None)]
    fn at_least_one_connection_stays(#[case] body: &str, #[case] expected: Option<usize>) {
        let fewer: Option<Fewer> = serde_json::from_str(body).ok();
        assert_eq!(fewer.map(|fewer| fewer.at_most.get()), expected);
    }
}
