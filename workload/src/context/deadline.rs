//! Deadlines as clients write them: `X-Timeout-At`, milliseconds since 1970, and gRPC's `grpc-timeout`, a time from now.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::header::{HeaderMap, HeaderName, HeaderValue};

const AT: HeaderName = HeaderName::from_static("x-timeout-at");
const GRPC: HeaderName = HeaderName::from_static("grpc-timeout");

/// The deadline of a request that was read at `arrived`: the earlier one if there are two. What can't be understood is
/// none.
pub(super) fn of(headers: &HeaderMap, arrived: Instant) -> Option<Instant> {
    let text = |name| headers.get(name).map(HeaderValue::as_bytes);
    let at = text(AT).and_then(|text| remaining(text, SystemTime::now()));
    let within = text(GRPC).and_then(grpc);
    [at, within].into_iter().flatten().min().and_then(|left| arrived.checked_add(left))
}

/// As gRPC writes what remains.
pub(super) fn as_grpc(remaining: Duration) -> (HeaderName, HeaderValue) {
    // At most eight digits: milliseconds are enough for a day.
    let millis = remaining.as_millis().min(99_999_999) as u64;
    (GRPC, value(&format!("{millis}m")))
}

/// As a time of the wall clock.
pub(super) fn as_time(remaining: Duration) -> (HeaderName, HeaderValue) {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(remaining);
    (AT, value(&at.as_millis().to_string()))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("0"))
}

/// The time left at `now` to one written as milliseconds since 1970; zero if it has passed.
fn remaining(text: &[u8], now: SystemTime) -> Option<Duration> {
    let at = Duration::from_millis(digits(text, 15)?);
    Some(at.saturating_sub(now.duration_since(UNIX_EPOCH).unwrap_or_default()))
}

/// Up to eight digits and a unit.
fn grpc(text: &[u8]) -> Option<Duration> {
    let (unit, number) = text.split_last()?;
    let number = digits(number, 8)?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

fn digits(text: &[u8], most: usize) -> Option<u64> {
    let fit = (1..=most).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    fit.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("250m", Some(Duration::from_millis(250)))]
    #[case("99999999H", Some(Duration::from_secs(99_999_999 * 3600)))]
    #[case("7u", Some(Duration::from_micros(7)))]
    #[case("1", None)]
    #[case("m", None)]
    #[case("-1m", None)]
    #[case("123456789m", None)]
    #[case("", None)]
    fn a_time_from_now_is_read(#[case] text: &str, #[case] expected: Option<Duration>) {
        assert_eq!(grpc(text.as_bytes()), expected);
    }

    #[rstest]
    #[case::later("1700000000250", Some(Duration::from_millis(250)))]
    #[case::passed("1699999999999", Some(Duration::ZERO))]
    #[case::no_number("2026-01-01T00:00:00Z", None)]
    #[case::too_long("1000000000000000", None)]
    fn a_time_of_the_wall_clock_is_read(#[case] text: &str, #[case] expected: Option<Duration>) {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(remaining(text.as_bytes(), now), expected);
    }

    #[test]
    fn the_earlier_one_counts() {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC, HeaderValue::from_static("1H"));
        headers.insert(AT, HeaderValue::from_static("1"));
        let arrived = Instant::now();
        assert_eq!(of(&headers, arrived), Some(arrived));
        headers.remove(AT);
        assert_eq!(of(&headers, arrived), Some(arrived + Duration::from_hours(1)));
        assert_eq!(of(&HeaderMap::new(), arrived), None);
    }

    #[test]
    fn what_is_passed_on_can_be_read() {
        let remaining = Duration::from_millis(1500);
        assert_eq!(grpc(as_grpc(remaining).1.as_bytes()), Some(remaining));
        let read = super::remaining(as_time(remaining).1.as_bytes(), UNIX_EPOCH).unwrap();
        assert!(read > Duration::from_secs(1_700_000_000));
    }
}
