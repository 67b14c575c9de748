//! Durations as Kubernetes writes them, and as people read them.

use std::time::Duration;

/// Reads one to four numbers with a unit each, such as `1m30s` or `250ms`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration; expected a form such as 30s, 250ms or 1m30s");
    let (mut rest, mut millis, mut parts) = (text, 0u64, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let unit_length = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        let factor = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return Err(wrong()),
        };
        if !(1..=5).contains(&number.len()) {
            return Err(wrong());
        }
        millis += number.parse::<u64>().map_err(|_| wrong())? * factor;
        parts += 1;
        rest = after;
    }
    if (1..=4).contains(&parts) { Ok(Duration::from_millis(millis)) } else { Err(wrong()) }
}

/// A number of seconds with three digits that matter and a fitting unit.
pub fn show_seconds(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "us"),
    };
    let decimals = match value {
        v if v >= 100.0 || v == 0.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("30s", 30_000)]
    #[case("250ms", 250)]
    #[case("1m30s", 90_000)]
    #[case("1h2m3s4ms", 3_723_004)]
    #[case("0s", 0)]
    fn durations_are_read_as_kubernetes_writes_them(#[case] text: &str, #[case] millis: u64) {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
    }

    #[rstest]
    #[case("")]
    #[case("30")]
    #[case("s")]
    #[case("1.5s")]
    #[case("-1s")]
    #[case("123456s")]
    #[case("1d")]
    #[case("1s1s1s1s1s")]
    fn what_is_no_duration_is_refused(#[case] text: &str) {
        assert!(parse_duration(text).unwrap_err().contains("is not a duration"));
    }

    #[rstest]
    #[case(0.0, "0 us")]
    #[case(0.000_052, "52.0 us")]
    #[case(0.004_2, "4.20 ms")]
    #[case(0.25, "250 ms")]
    #[case(12.34, "12.3 s")]
    fn seconds_are_shown_with_a_fitting_unit(#[case] seconds: f64, #[case] expected: &str) {
        assert_eq!(show_seconds(seconds), expected);
    }
}
