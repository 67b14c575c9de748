//! Quantities of a pod: CPU and memory, written as Kubernetes writes them, as a number or as text.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{decimal::Decimal, formats, units::UnitError};

/// Largest memory that is told apart: 1 EiB. Larger values count as this.
const MOST_BYTES: f64 = (1_u64 << 60) as f64;

/// An amount of CPU: `2`, `"0.5"` or `"500m"`. Resolution one thousandth of a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "NumberOrText", into = "String")]
pub struct Cpu {
    millis: u32,
}

/// An amount of memory: `"256Mi"`, `"1.5Gi"` or a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "NumberOrText", into = "String")]
pub struct Memory {
    bytes: u64,
}

/// What `x-kubernetes-int-or-string` lets through.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum NumberOrText {
    Number(u64),
    Text(String),
}

impl Cpu {
    /// In thousandths of a CPU.
    pub const fn millis(self) -> u32 {
        self.millis
    }
}

impl Memory {
    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }
}

impl fmt::Display for NumberOrText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl TryFrom<NumberOrText> for Cpu {
    type Error = UnitError;

    fn try_from(value: NumberOrText) -> Result<Self, UnitError> {
        let text = value.to_string();
        let millis = match text.strip_suffix('m') {
            Some(millis) => millis.parse().ok(),
            None => Decimal::parse(&text).map(|cpus| (cpus.as_f64() * 1000.0).round()).and_then(whole),
        };
        millis.map(|millis| Self { millis }).ok_or_else(|| UnitError::new(text, formats::CPU))
    }
}

/// A whole number that fits.
fn whole(number: f64) -> Option<u32> {
    (number <= u32::MAX as f64).then_some(number as u32)
}

impl TryFrom<NumberOrText> for Memory {
    type Error = UnitError;

    fn try_from(value: NumberOrText) -> Result<Self, UnitError> {
        let text = value.to_string();
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = unit_bytes(&text[digits.len()..]);
        match (count(digits), unit) {
            (Some(count), Some(unit)) => Ok(Self { bytes: (count * unit).ceil().min(MOST_BYTES) as u64 }),
            _ => Err(UnitError::new(text, formats::MEMORY)),
        }
    }
}

/// The number in front of a unit. Fifteen digits are exact enough in floating point.
fn count(digits: &str) -> Option<f64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { digits.parse().ok() } else { None }
}

fn unit_bytes(unit: &str) -> Option<f64> {
    Some(match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // More than 9999 CPUs would not fit the whole-number form of the format.
        match self.millis {
            millis if millis % 1000 == 0 => write!(f, "{}", (millis / 1000).min(9999)),
            millis => write!(f, "{}m", millis.min(999_999)),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("Ti", 1_u64 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
        // The schema allows fifteen digits.
        let most = 999_999_999_999_999;
        let fits = |size: u64| self.bytes > 0 && self.bytes.is_multiple_of(size) && self.bytes / size <= most;
        match units.into_iter().find(|(_, size)| fits(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", self.bytes / size),
            None => self.bytes.min(most).fmt(f),
        }
    }
}

impl From<Cpu> for String {
    fn from(value: Cpu) -> Self {
        value.to_string()
    }
}

impl From<Memory> for String {
    fn from(value: Memory) -> Self {
        value.to_string()
    }
}

/// A number or a text with a format; the API server reads both types from the one keyword.
pub(crate) fn number_or_text(format: formats::Format, least: u32, most: u64) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": least,
        "maximum": most,
        "maxLength": format.max,
        "pattern": format.pattern,
    })
}

impl JsonSchema for Cpu {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cpu".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        number_or_text(formats::CPU, 0, 9999)
    }
}

impl JsonSchema for Memory {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Memory".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        number_or_text(formats::MEMORY, 0, 999_999_999_999_999)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case(json!(2), 2000, "2")]
    #[case(json!("0.5"), 500, "500m")]
    #[case(json!("250m"), 250, "250m")]
    fn cpu_is_a_number_a_decimal_or_thousandths(
        #[case] written: Value,
        #[case] millis: u32,
        #[case] shown: &str,
    ) {
        let cpu: Cpu = serde_json::from_value(written).unwrap();
        assert_eq!((cpu.millis(), cpu.to_string().as_str()), (millis, shown));
    }

    #[rstest]
    #[case(json!(4096), 4096, "4Ki")]
    #[case(json!("1.5Gi"), 1_610_612_736, "1536Mi")]
    #[case(json!("1M"), 1_000_000, "1000000")]
    #[case::more_kibibytes_than_fit(json!("1030000002G"), 1_030_000_002_000_000_000, "999999999999999")]
    fn memory_is_bytes_or_has_a_unit(#[case] written: Value, #[case] bytes: u64, #[case] shown: &str) {
        let memory: Memory = serde_json::from_value(written).unwrap();
        assert_eq!((memory.bytes(), memory.to_string().as_str()), (bytes, shown));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn every_cpu_the_schema_accepts_is_read(text in r"([0-9]{1,6}m|[0-9]{1,4}(\.[0-9]{1,3})?)") {
            let cpu: Cpu = serde_json::from_value(json!(text)).unwrap();
            prop_assert!(Regex::new(formats::CPU.pattern).unwrap().is_match(&cpu.to_string()));
        }

        #[test]
        fn every_memory_the_schema_accepts_is_read(
            text in r"[0-9]{1,15}(\.[0-9]{1,3})?(k|Ki|M|Mi|G|Gi|T|Ti)?"
        ) {
            let memory: Memory = serde_json::from_value(json!(text)).unwrap();
            prop_assert!(Regex::new(formats::MEMORY.pattern).unwrap().is_match(&memory.to_string()));
        }
    }
}
