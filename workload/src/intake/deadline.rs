//! Until when a client can use an answer, as it says in headers. What can't be read is no deadline.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::Nanos;

/// The moment of `X-Timeout-At` on the server's clock that shows `now`: an RFC 3339 time, or seconds since 1970.
pub(crate) fn timeout_at(text: &[u8], now: Nanos) -> Option<Nanos> {
    let at = since_1970(std::str::from_utf8(text).ok()?)?;
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some((now + at.into()) - today.into())
}

/// A time since 1970; earlier ones count as that.
fn since_1970(text: &str) -> Option<Duration> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number {
        return Duration::try_from_secs_f64(text.parse().ok()?).ok();
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Duration::try_from(time.duration_since(jiff::Timestamp::UNIX_EPOCH)).unwrap_or_default())
}

/// The span of `grpc-timeout`: up to eight digits and a unit.
pub(crate) fn grpc_timeout(text: &[u8]) -> Option<Nanos> {
    let (unit, digits) = text.split_last()?;
    let nanos: u64 = match unit {
        b'H' => 3600 * 1_000_000_000,
        b'M' => 60 * 1_000_000_000,
        b'S' => 1_000_000_000,
        b'm' => 1_000_000,
        b'u' => 1000,
        b'n' => 1,
        _ => return None,
    };
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(Nanos(nanos.saturating_mul(count)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("100m", Some(100_000_000))]
    #[case("5S", Some(5_000_000_000))]
    #[case("1H", Some(3_600_000_000_000))]
    #[case("2M", Some(120_000_000_000))]
    #[case("7u", Some(7000))]
    #[case("0n", Some(0))]
    #[case("99999999H", Some(u64::MAX))]
    #[case("100000000n", None)]
    #[case("S", None)]
    #[case("-1S", None)]
    #[case("1s", None)]
    #[case("", None)]
    fn grpc_timeouts_are_read_as_grpc_defines_them(#[case] text: &str, #[case] nanos: Option<u64>) {
        assert_eq!(grpc_timeout(text.as_bytes()), nanos.map(Nanos));
    }

    #[rstest]
    #[case("1763744400", Some(1_763_744_400_000))]
    #[case("1763744400.25", Some(1_763_744_400_250))]
    #[case("2025-11-21T17:00:00.5Z", Some(1_763_744_400_500))]
    #[case("2025-11-21T18:00:00+01:00", Some(1_763_744_400_000))]
    #[case("1969-12-31T23:59:59Z", Some(0))]
    #[case("99999999999999999999999", None)]
    #[case("tomorrow", None)]
    #[case("1.2.3", None)]
    #[case("1e9", None)]
    #[case("", None)]
    fn times_are_read_in_two_forms(#[case] text: &str, #[case] millis: Option<u64>) {
        assert_eq!(since_1970(text), millis.map(Duration::from_millis));
    }

    #[test]
    fn a_time_becomes_one_of_the_servers_clock() {
        let now = Nanos(7_000_000_000);
        assert_eq!(timeout_at(b"0", now), Some(Nanos(0)), "long ago");
        let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_hours(1);
        let deadline = timeout_at(soon.as_secs_f64().to_string().as_bytes(), now).unwrap();
        assert!(deadline > now && deadline <= now + Duration::from_secs(3601).into(), "{deadline:?}");
    }
}
