//! The parsers of what clients send, for the fuzz targets: each panics when a promise of its parser is broken. Not part
//! of the library's interface.

use crate::{admin, connection, intake, stats};

/// A head of HTTP/1 on the fast path.
pub fn http1_head(bytes: &[u8]) {
    connection::fuzz_http1_head(bytes);
}

/// Frames of HTTP/2.
pub fn http2_frames(bytes: &[u8]) {
    connection::fuzz_http2_frames(bytes);
}

/// `X-Timeout-At` and `grpc-timeout`.
pub fn deadlines(bytes: &[u8]) {
    intake::fuzz_deadlines(bytes);
}

/// A JWK set.
pub fn jwks(bytes: &[u8]) {
    admin::fuzz_jwks(bytes);
}

/// A token.
pub fn token(bytes: &[u8]) {
    admin::fuzz_token(bytes);
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
