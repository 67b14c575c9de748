//! What a check found.

use std::io::{self, Write};

use serde::Serialize;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Id of the check, and its heading in docs/check.md.
    pub check: &'static str,
    /// The object that was looked at, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Good or not.
    pub verdict: Verdict,
    /// What was found.
    pub message: String,
    /// What to do; empty when nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Works, and should be looked at.
    Warning,
    /// Wrong.
    Failed,
    /// The check could not be made.
    Unknown,
}

impl Finding {
    /// All is well.
    pub fn good(check: &'static str, message: impl Into<String>) -> Self {
        Self::new(check, Verdict::Good, message, "")
    }

    /// Something is wrong, and this mends it.
    pub fn failed(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failed, message, remedy)
    }

    /// Something should be looked at.
    pub fn warning(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, message, remedy)
    }

    /// It could not be looked at.
    pub fn unknown(check: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Verdict::Unknown, message, remedy)
    }

    /// About this object.
    #[must_use]
    pub fn about(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, object: None, verdict, message: message.into(), remedy: remedy.into() }
    }
}

/// A line for each, and the remedy below it.
pub(super) fn write_table(out: &mut impl Write, findings: &[Finding]) -> io::Result<()> {
    for Finding { check, object, verdict, message, remedy } in findings {
        let mark = match verdict {
            Verdict::Good => "ok     ",
            Verdict::Warning => "WARNING",
            Verdict::Failed => "FAILED ",
            Verdict::Unknown => "unknown",
        };
        let object = object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
        writeln!(out, "{mark} {check:<22} {object}{message}")?;
        if !remedy.is_empty() {
            writeln!(out, "        -> {remedy}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_stands_below_what_is_wrong() {
        let mut out = Vec::new();
        let findings = [
            Finding::good("cluster-version", "1.34"),
            Finding::failed("target-owner", "an HPA sizes it too", "delete the HPA").about("shop/orders"),
        ];
        write_table(&mut out, &findings).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "ok      cluster-version        1.34\n\
             FAILED  target-owner           shop/orders: an HPA sizes it too\n        -> delete the HPA\n"
        );
    }
}
