//! Values of flags. Every error says what is expected.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::settings::{MAX_WORKERS, Objective, Workers};

pub(super) fn parse_workers(text: &str) -> Result<Workers, String> {
    if text == "auto" {
        return Ok(Workers::Auto);
    }
    let count = text.parse::<NonZeroUsize>().ok().filter(|count| count.get() <= MAX_WORKERS);
    count.map(Workers::Exactly).ok_or_else(|| format!("write auto or a number from 1 to {MAX_WORKERS}"))
}

/// The form that Kubernetes writes: numbers with h, m, s or ms, one after another.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a duration like 50ms, 5s or 1m30s (up to four parts of h, m, s, ms)";
    let mut total = Duration::ZERO;
    let mut rest = text;
    for part in 0.. {
        if rest.is_empty() && part > 0 {
            return Ok(total);
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| (1..=5).contains(digits));
        let (number, tail) = rest.split_at(digits.filter(|_| part < 4).ok_or(FORM)?);
        let number: u64 = number.parse().map_err(|_| FORM)?;
        let (unit, after) = unit_of(tail).ok_or(FORM)?;
        total += Duration::from_millis(number * unit);
        rest = after;
    }
    Err(FORM.to_owned())
}

/// How long a connection may stay.
pub(super) fn parse_stay(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    // Below, connections would be made as often as requests are sent; above, no process lives long enough.
    let possible = Duration::from_secs(1)..=Duration::from_hours(24);
    possible.contains(&time).then_some(time).ok_or_else(|| "write a duration from 1s to 24h".to_owned())
}

/// Milliseconds of the unit that `text` begins with, and what follows it.
fn unit_of(text: &str) -> Option<(u64, &str)> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    units.iter().find_map(|(name, millis)| Some((*millis, text.strip_prefix(name)?)))
}

pub(super) fn parse_objective(text: &str) -> Result<Objective, String> {
    let (name, threshold) = text.split_once('=').ok_or("write NAME=DURATION, like p99=100ms")?;
    let well_named =
        !name.is_empty() && name.len() <= 63 && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    if !well_named {
        return Err("the name must be 1 to 63 letters, digits or dashes".to_owned());
    }
    Ok(Objective { name: name.to_owned(), threshold: parse_duration(threshold)? })
}

pub(super) fn parse_answer_bytes(text: &str) -> Result<usize, String> {
    const MAX: usize = 16 * 1024 * 1024;
    text.parse().ok().filter(|bytes| *bytes <= MAX).ok_or_else(|| format!("write a number from 0 to {MAX}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("50ms", Some(50))]
    #[case("5s", Some(5000))]
    #[case("1m30s", Some(90_000))]
    #[case("1h1m1s1ms", Some(3_661_001))]
    #[case("0s", Some(0))]
    #[case("", None)]
    #[case("5", None)]
    #[case("s", None)]
    #[case("-5s", None)]
    #[case("100000s", None)]
    #[case("1s1s1s1s1s", None)]
    fn durations_are_read_as_kubernetes_writes_them(#[case] text: &str, #[case] millis: Option<u64>) {
        assert_eq!(parse_duration(text).ok(), millis.map(Duration::from_millis));
    }

    #[rstest]
    #[case("999ms", None)]
    #[case("1s", Some(1))]
    #[case("24h", Some(86_400))]
    #[case("24h1ms", None)]
    fn connections_stay_for_a_second_to_a_day(#[case] text: &str, #[case] seconds: Option<u64>) {
        assert_eq!(parse_stay(text).ok(), seconds.map(Duration::from_secs));
    }

    #[rstest]
    #[case("p99=100ms", true)]
    #[case("p99", false)]
    #[case("=1s", false)]
    #[case("a b=1s", false)]
    #[case("p99=1", false)]
    fn objectives_need_a_name_and_a_threshold(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(parse_objective(text).is_ok(), valid);
    }

    #[rstest]
    #[case("auto", Some(Workers::Auto))]
    #[case("256", Some(Workers::Exactly(NonZeroUsize::new(256).unwrap())))]
    #[case("257", None)]
    #[case("0", None)]
    #[case("many", None)]
    fn workers_are_a_number_or_auto(#[case] text: &str, #[case] expected: Option<Workers>) {
        assert_eq!(parse_workers(text).ok(), expected);
    }
}
