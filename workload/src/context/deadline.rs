//! The deadline of a request, and how it is told to who is called for it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::Nanos;
use crate::intake::{grpc_timeout, timeout_at};

const AT: HeaderName = HeaderName::from_static("x-timeout-at");
const GRPC: HeaderName = HeaderName::from_static("grpc-timeout");

/// The deadline of a request as the server reads it, among the request's extensions: a span counts from arrival, and how
/// long ago that was a layer can't know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Instant);

/// The deadline of a request that was read at `arrived`: the earlier one if there are two. What can't be understood is
/// none.
pub(super) fn of(headers: &HeaderMap, arrived: Instant) -> Option<Instant> {
    let text = |name| headers.get(name).map(HeaderValue::as_bytes);
    // On a clock that shows zero now, a moment is the time left to it.
    let at = text(AT).and_then(|text| timeout_at(text, Nanos::default()));
    let left = at.into_iter().chain(text(GRPC).and_then(grpc_timeout)).min()?;
    arrived.checked_add(left.into())
}

/// As gRPC writes what remains.
pub(super) fn as_grpc(remaining: Duration) -> (HeaderName, HeaderValue) {
    // At most eight digits: milliseconds are enough for a day.
    let millis = remaining.as_millis().min(99_999_999) as u64;
    (GRPC, value(&format!("{millis}m")))
}

/// As a time of the wall clock, in seconds since 1970.
pub(super) fn as_time(remaining: Duration) -> (HeaderName, HeaderValue) {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(remaining);
    (AT, value(&format!("{}.{:03}", at.as_secs(), at.subsec_millis())))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let hours = Duration::from_hours(2);
        assert_eq!(grpc_timeout(as_grpc(hours).1.as_bytes()), Some(hours.into()));
        let left = Duration::from(timeout_at(as_time(hours).1.as_bytes(), Nanos::default()).unwrap());
        assert!(left > Duration::from_hours(1) && left <= hours, "{left:?}");
    }
}
