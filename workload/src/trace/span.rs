//! One span, its place in a trace, and how OTLP writes it as JSON.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::context::trace::{PARENT, is_valid};

/// Longer paths are cut.
const PATH: usize = 256;

/// A request that was served.
#[derive(Debug)]
pub(crate) struct Span {
    pub(super) place: Place,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) began: SystemTime,
    pub(super) took: Duration,
}

/// Where a span is in its trace: identifiers in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    trace: String,
    span: String,
    parent: Option<String>,
}

/// What a client has decided about sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decided {
    Yes,
    No,
    Open,
}

/// What a request's `traceparent` says about sampling.
pub(super) fn decided(headers: &HeaderMap) -> Decided {
    match parent(headers) {
        None => Decided::Open,
        Some(parent) if hexadecimal(&parent[53..55]) & 1 == 1 => Decided::Yes,
        Some(_) => Decided::No,
    }
}

fn parent(headers: &HeaderMap) -> Option<&str> {
    headers.get(PARENT).filter(|value| is_valid(value.as_bytes()))?.to_str().ok()
}

fn hexadecimal(text: &str) -> u8 {
    u8::from_str_radix(text, 16).unwrap_or_default()
}

impl Place {
    /// A new span below the client's, or at the root of a new trace.
    pub(super) fn below(headers: &HeaderMap) -> Self {
        let span = format!("{:016x}", rand::random_range(1..=u64::MAX));
        match parent(headers) {
            Some(parent) => {
                Self { trace: parent[3..35].to_owned(), span, parent: Some(parent[36..52].to_owned()) }
            }
            None => Self { trace: format!("{:032x}", rand::random_range(1..=u128::MAX)), span, parent: None },
        }
    }

    /// What whoever is called for this request gets as its parent.
    pub(super) fn traceparent(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("00-{}-{}-01", self.trace, self.span)).ok()
    }
}

impl Span {
    pub(super) fn path_of(path: &str) -> String {
        path[..path.floor_char_boundary(PATH)].to_owned()
    }

    fn json(&self) -> Value {
        const SERVER: u8 = 2;
        const ERROR: u8 = 2;
        let nanos = |time: SystemTime| {
            time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
        };
        let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        json!({
            "traceId": self.place.trace,
            "spanId": self.place.span,
            "parentSpanId": self.place.parent.as_deref().unwrap_or_default(),
            "name": self.method,
            "kind": SERVER,
            "startTimeUnixNano": nanos(self.began),
            "endTimeUnixNano": nanos(self.began + self.took),
            "attributes": [
                text("http.request.method", &self.method),
                text("url.path", &self.path),
                { "key": "http.response.status_code", "value": { "intValue": self.status.to_string() } },
            ],
            "status": if self.status >= 500 { json!({ "code": ERROR }) } else { json!({}) },
        })
    }
}

/// An `ExportTraceServiceRequest` of OTLP.
pub(super) fn request(service: &str, spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(Span::json).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": service } }] },
        "scopeSpans": [{ "scope": { "name": "headroom-workload" }, "spans": spans }],
    }] })
}

/// For the fuzz targets: what is passed on is valid, and below the same trace as what came.
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz(headers: &HeaderMap) {
    let (_decided, place) = (decided(headers), Place::below(headers));
    let passed_on = place.traceparent();
    assert!(passed_on.is_some_and(|parent| is_valid(parent.as_bytes())));
    assert!(parent(headers).is_none_or(|parent| parent[3..35] == place.trace));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn headers(parent: Option<&'static str>) -> HeaderMap {
        parent
            .map(|parent| (http::HeaderName::from_static(PARENT), HeaderValue::from_static(parent)))
            .into_iter()
            .collect()
    }

    #[rstest]
    #[case::sampled(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), Decided::Yes)]
    #[case::not_sampled(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), Decided::No)]
    #[case::other_flags(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02"), Decided::No)]
    #[case::malformed(Some("00-x-y-01"), Decided::Open)]
    #[case::none(None, Decided::Open)]
    fn the_client_decides_if_it_says_so(#[case] parent: Option<&'static str>, #[case] expected: Decided) {
        assert_eq!(decided(&headers(parent)), expected);
    }

    #[test]
    fn a_span_is_below_its_parent_and_above_what_it_calls() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let place = Place::below(&headers(Some(parent)));
        assert_eq!((place.trace.as_str(), place.parent.as_deref()), (&parent[3..35], Some(&parent[36..52])));
        let passed_on =
            HeaderMap::from_iter([(http::HeaderName::from_static(PARENT), place.traceparent().unwrap())]);
        let below = Place::below(&passed_on);
        assert_eq!((below.trace, below.parent), (place.trace, Some(place.span)));
    }
}
