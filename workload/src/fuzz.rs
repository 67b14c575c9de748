//! The parsers of what comes from outside, for the fuzz targets: each panics when a promise of its parser is broken. Not
//! part of the library's interface.

use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{RequestContext, admin, brownout, connection, intake, stats, trace};

/// A head of HTTP/1 on the fast path, and hyper beside it.
pub fn http1_head(bytes: &[u8]) {
    connection::fuzz_http1_head(bytes);
}

/// Frames of HTTP/2, and the questions for gRPC's health service.
pub fn http2_frames(bytes: &[u8]) {
    connection::fuzz_http2_frames(bytes);
    connection::fuzz_health(bytes);
}

/// `X-Timeout-At` and `grpc-timeout`.
pub fn deadlines(bytes: &[u8]) {
    intake::fuzz_deadlines(bytes);
}

/// Headers that mean something to the server, in lines: marks of a request, its name and its place in a trace.
///
/// # Panics
/// When what is passed on does not say the same to the next.
pub fn headers(bytes: &[u8]) {
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..]));
        Some((name.ok()?, value.ok()?))
    };
    let headers: HeaderMap = bytes.split(|byte| *byte == b'\n').filter_map(header).collect();
    intake::fuzz_marks(&headers);
    trace::fuzz(&headers);
    let context = RequestContext::new(&headers, Instant::now());
    let mut passed_on = HeaderMap::new();
    context.pass_on(&mut passed_on);
    let next = RequestContext::new(&passed_on, Instant::now());
    assert_eq!((context.id(), context.traceparent()), (next.id(), next.traceparent()));
    assert_eq!(context.deadline().is_some(), next.deadline().is_some());
}

/// The networks of proxies, and `X-Forwarded-For`.
pub fn clients(bytes: &[u8]) {
    intake::fuzz_clients(bytes);
}

/// A JWK set.
pub fn jwks(bytes: &[u8]) {
    admin::fuzz_jwks(bytes);
}

/// A token.
pub fn token(bytes: &[u8]) {
    admin::fuzz_token(bytes);
}

/// The bodies of writes to the admin port.
pub fn bodies(bytes: &[u8]) {
    admin::fuzz_bodies(bytes);
}

/// Brownout rules, and the durations in them and in flags.
pub fn rules(bytes: &[u8]) {
    brownout::fuzz(bytes);
}

/// `/stats`, as its readers read it.
///
/// # Panics
/// When what was read is written and read again with a difference.
pub fn stats(bytes: &[u8]) {
    let Ok(read) = serde_json::from_slice::<stats::Stats>(bytes) else { return };
    let again = serde_json::to_vec(&read).ok().and_then(|text| serde_json::from_slice(&text).ok());
    assert_eq!(Some(&read), again.as_ref());
    for quantile in [0.0, 0.5, 0.99, 1.0] {
        let _value = read.latency.count_within(quantile);
    }
}
