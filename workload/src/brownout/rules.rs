//! The rule file: which level at which load. JSON, which Helm's `toJson` writes and every YAML reader reads.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::level::BrownoutLevel;
use crate::args::parse_duration;

/// Longer files are no rule files.
pub(super) const LONGEST_FILE: u64 = 64 * 1024;
const MOST_RULES: usize = 32;

/// The rules of one file. The highest level of all that hold counts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RuleFile {
    pub(super) rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rule {
    /// The level to go to.
    pub(super) level: BrownoutLevel,
    /// All of it has to be so.
    pub(super) when: Conditions,
    /// For how long, before the level is entered.
    #[serde(rename = "for", default = "two_seconds", deserialize_with = "duration")]
    pub(super) lasting: Duration,
    /// How long the level is kept at least.
    #[serde(default = "ten_seconds", deserialize_with = "duration")]
    pub(super) hold: Duration,
}

/// What has to be so; at least one of these is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Conditions {
    /// CPU time of the process over that of its workers' CPUs, in percent: at least so much.
    pub(super) cpu_percent: Option<f64>,
    /// Mean wait for admission: at least so long.
    #[serde(default, deserialize_with = "some_duration")]
    pub(super) queue_delay: Option<Duration>,
    /// Requests turned away for overload, in percent: at least so many.
    pub(super) shed_percent: Option<f64>,
}

/// Why a file is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RulesError {
    #[error("it can't be read: {0}")]
    Unreadable(String),
    #[error("it has more than 64 KiB")]
    TooLong,
    #[error("it is not as it should be: {0}")]
    Form(String),
    #[error("it has {0} rules; at most 32 are possible")]
    TooMany(usize),
    #[error("rule {rule}: {problem}")]
    Rule { rule: usize, problem: &'static str },
}

impl RuleFile {
    pub(super) fn parse(text: &[u8]) -> Result<Self, RulesError> {
        let file: Self = serde_json::from_slice(text).map_err(|error| RulesError::Form(error.to_string()))?;
        if file.rules.len() > MOST_RULES {
            return Err(RulesError::TooMany(file.rules.len()));
        }
        let problem = file.rules.iter().zip(1..).find_map(|(rule, number)| Some((rule.problem()?, number)));
        problem.map_or(Ok(file), |(problem, rule)| Err(RulesError::Rule { rule, problem }))
    }
}

impl Rule {
    fn problem(&self) -> Option<&'static str> {
        let Conditions { cpu_percent, queue_delay, shed_percent } = self.when;
        if self.level == BrownoutLevel::Full {
            return Some("\"full\" is what is left without a rule; write noExtras, cached or refuse");
        }
        if cpu_percent.is_none() && queue_delay.is_none() && shed_percent.is_none() {
            return Some("\"when\" needs cpuPercent, queueDelay or shedPercent");
        }
        let possible = |percent: Option<f64>| percent.is_none_or(|percent| percent > 0.0 && percent <= 100.0);
        if !possible(cpu_percent) || !possible(shed_percent) {
            return Some("a percentage must be above 0 and at most 100");
        }
        (queue_delay == Some(Duration::ZERO)).then_some("queueDelay must be above 0")
    }
}

fn two_seconds() -> Duration {
    Duration::from_secs(2)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// For the fuzz targets: rules that are taken are few, and each of them can hold.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz(bytes: &[u8]) {
    if let Ok(file) = RuleFile::parse(bytes) {
        assert!(file.rules.len() <= MOST_RULES && file.rules.iter().all(|rule| rule.problem().is_none()));
    }
    if let Ok(span) =
        std::str::from_utf8(bytes).map_err(|_| ()).and_then(|text| parse_duration(text).map_err(drop))
    {
        // Four parts of five digits.
        assert!(span <= Duration::from_hours(400_000));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_file_has_rules_with_defaults() {
        let text = br#"{"rules": [
            {"level": "noExtras", "when": {"cpuPercent": 80}},
            {"level": "cached", "when": {"queueDelay": "50ms", "shedPercent": 1.5}, "for": "1s", "hold": "1m"}
        ]}"#;
        let first = Conditions { cpu_percent: Some(80.0), ..Conditions::default() };
        let second = Conditions {
            queue_delay: Some(Duration::from_millis(50)),
            shed_percent: Some(1.5),
            ..Conditions::default()
        };
        let seconds = Duration::from_secs;
        let rules = vec![
            Rule { level: BrownoutLevel::NoExtras, when: first, lasting: seconds(2), hold: seconds(10) },
            Rule { level: BrownoutLevel::Cached, when: second, lasting: seconds(1), hold: seconds(60) },
        ];
        assert_eq!(RuleFile::parse(text), Ok(RuleFile { rules }));
    }

    #[rstest]
    #[case::no_json("rules:", "is not as it should be")]
    #[case::misspelt(r#"{"rules": [{"level": "cached", "when": {"cpu": 80}}]}"#, "unknown field `cpu`")]
    #[case::no_level(
        r#"{"rules": [{"level": "some", "when": {"cpuPercent": 80}}]}"#,
        "unknown variant `some`"
    )]
    #[case::full(r#"{"rules": [{"level": "full", "when": {"cpuPercent": 80}}]}"#, "rule 1: \"full\"")]
    #[case::never(r#"{"rules": [{"level": "cached", "when": {}}]}"#, "rule 1: \"when\" needs")]
    #[case::percent(r#"{"rules": [{"level": "cached", "when": {"shedPercent": 101}}]}"#, "a percentage")]
    #[case::always(r#"{"rules": [{"level": "cached", "when": {"queueDelay": "0s"}}]}"#, "above 0")]
    #[case::duration(r#"{"rules": [{"level": "cached", "when": {"queueDelay": "5"}}]}"#, "write a duration")]
    fn what_is_no_rule_file_says_why(#[case] text: &str, #[case] expected: &str) {
        let error = RuleFile::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn there_are_not_endlessly_many_rules() {
        let rule = r#"{"level": "cached", "when": {"cpuPercent": 80}}"#;
        let text = format!("{{\"rules\": [{}]}}", vec![rule; 33].join(","));
        assert_eq!(RuleFile::parse(text.as_bytes()), Err(RulesError::TooMany(33)));
    }
}
