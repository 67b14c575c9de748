//! From a head in a buffer to the request that a handler gets.

use axum::body::Body;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Uri};

use super::grammar::Head;

/// The request that `head`, at the beginning of `bytes`, asks for; its body follows the head. `None` where `http`
/// takes a part of it for invalid.
pub(super) fn request(head: &Head<'_, '_>, bytes: &[u8]) -> Option<Request<Body>> {
    // One copy of the head, shared by everything that is made of it.
    let shared = Bytes::copy_from_slice(&bytes[..head.bytes]);
    let begin = bytes.as_ptr().addr();
    let part = |text: &[u8]| {
        let at = text.as_ptr().addr() - begin;
        shared.slice(at..at + text.len())
    };
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for header in head.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(part(header.value)).ok()?;
        headers.try_append(name, value).ok()?;
    }
    let target = PathAndQuery::from_maybe_shared(part(head.target.as_bytes())).ok()?;
    let body = match head.body_bytes {
        0 => Body::empty(),
        length => Body::from(Bytes::copy_from_slice(&bytes[head.bytes..head.bytes + length])),
    };
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = headers;
    Some(request)
}
