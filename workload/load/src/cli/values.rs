//! Values of flags. Every error says what was given and what is expected.

use crate::account::Objective;
use crate::http::Target;
use crate::plan::{MAX_RATE, MAX_SECONDS};
use crate::units::parse_duration;
use std::time::Duration;

/// `SECONDS@RATE` steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steps(pub(super) Vec<(f64, f64)>);

/// From one rate to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ramp {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A half-open stretch of trace seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) from: f64,
    pub(super) to: f64,
}

pub(super) fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).map_err(|error| error.to_string())
}

pub(super) fn objective(text: &str) -> Result<Objective, String> {
    text.parse()
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=MAX_RATE).contains(&rate) => Ok(rate),
        _ => Err(format!("{text:?} is not a rate; expected requests per second, 0 to {MAX_RATE}")),
    }
}

pub(super) fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor <= 1e6 => Ok(factor),
        _ => Err(format!("{text:?} is not a factor; expected a number over 0, at most 1000000")),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration.is_zero() || duration.as_secs_f64() > MAX_SECONDS {
        return Err(format!("{text:?} is not possible; expected more than 0 s and at most 90 days"));
    }
    Ok(duration)
}

pub(super) fn warm_up(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text)?;
    if duration > Duration::from_hours(24) {
        return Err(format!("{text:?} is too long; expected at most 24h"));
    }
    Ok(duration)
}

pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text)?;
    if timeout.is_zero() || timeout > Duration::from_mins(10) {
        return Err(format!("{text:?} is not possible as a timeout; expected 1ms to 10m"));
    }
    Ok(timeout)
}

pub(super) fn steps(text: &str) -> Result<Steps, String> {
    let one = |step: &str| {
        let (length, at) = step.split_once('@').ok_or_else(|| {
            format!("{step:?} is not a step; expected DURATION@RATE, as in 10s@100,20s@400")
        })?;
        Ok((duration(length)?.as_secs_f64(), rate(at)?))
    };
    text.split(',').map(one).collect::<Result<_, String>>().map(Steps)
}

pub(super) fn ramp(text: &str) -> Result<Ramp, String> {
    let (from, to) = text.split_once(':').ok_or_else(|| {
        format!("{text:?} is not a ramp; expected FROM:TO in requests per second, as in 100:1000")
    })?;
    Ok(Ramp { from: rate(from)?, to: rate(to)? })
}

pub(super) fn window(text: &str) -> Result<Window, String> {
    let wrong = || {
        format!("{text:?} is not a window; expected FROM:TO in trace seconds with FROM < TO, as in 0:3600")
    };
    let (from, to) = text.split_once(':').ok_or_else(wrong)?;
    let second = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    match (second(from), second(to)) {
        (Some(from), Some(to)) if from < to => Ok(Window { from, to }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn values_are_read_in_their_forms() {
        assert_eq!(steps("10s@100,500ms@2.5"), Ok(Steps(vec![(10.0, 100.0), (0.5, 2.5)])));
        assert_eq!(ramp("100:1000"), Ok(Ramp { from: 100.0, to: 1000.0 }));
        assert_eq!(window("60:120"), Ok(Window { from: 60.0, to: 120.0 }));
        assert_eq!(timeout("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(warm_up("0s"), Ok(Duration::ZERO));
    }

    #[rstest]
    #[case(rate("x").err(), "\"x\" is not a rate")]
    #[case(rate("NaN").err(), "is not a rate")]
    #[case(rate("-1").err(), "is not a rate")]
    #[case(factor("0").err(), "is not a factor")]
    #[case(duration("0s").err(), "more than 0 s")]
    #[case(timeout("11m").err(), "expected 1ms to 10m")]
    #[case(warm_up("25h").err(), "at most 24h")]
    #[case(steps("10s").err(), "\"10s\" is not a step")]
    #[case(steps("10s@1,").err(), "\"\" is not a step")]
    #[case(steps("1@1").err(), "\"1\" is not a duration")]
    #[case(ramp("5").err(), "is not a ramp")]
    #[case(window("5:5").err(), "FROM < TO")]
    fn a_wrong_value_says_what_is_expected(#[case] error: Option<String>, #[case] expected: &str) {
        let message = error.unwrap();
        assert!(message.contains(expected), "{message}");
    }
}
