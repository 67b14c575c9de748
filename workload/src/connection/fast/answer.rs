//! How an answer is written: its head as bytes, and how its body is framed.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode};

use super::super::refusal::Refusal;
use super::grammar::After;
use crate::context::REQUEST_ID;
use crate::fixed::FixedAnswer;

/// How the end of an answer's body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none, whatever the headers say: a HEAD request, or a status that has no body.
    None,
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// What the connection adds to an answer's head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Additions<'a> {
    /// As RFC 9110 writes dates.
    pub(super) date: &'a [u8],
    pub(super) request_id: &'a [u8],
    pub(super) after: After,
}

impl Framing {
    /// The framing for an answer to `method` whose body says that it has `exact` bytes.
    pub(super) fn of(method: &Method, parts: &Parts, exact: Option<u64>) -> Self {
        if *method == Method::HEAD || !has_body(parts.status) {
            return Self::None;
        }
        exact.or_else(|| declared(&parts.headers)).map_or(Self::Chunked, Self::Length)
    }
}

fn has_body(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

/// Whether a length says what another answer would have had, as for HEAD. 204 must not have one.
fn may_hide_a_body(framing: Framing, status: StatusCode) -> bool {
    framing == Framing::None && status != StatusCode::NO_CONTENT
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the handler asks for the connection's end.
pub(super) fn ends_connection(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONNECTION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|option| option.trim().eq_ignore_ascii_case("close")))
}

/// Writes a head to `out`. `hidden` is the length that the body of an answer without one would have.
pub(super) fn head(
    out: &mut Vec<u8>,
    parts: &Parts,
    framing: Framing,
    hidden: Option<u64>,
    more: Additions<'_>,
) {
    status_line(out, parts.status);
    let mut more = more;
    for (name, value) in &parts.headers {
        if name == DATE {
            more.date = value.as_bytes();
        } else if name == REQUEST_ID {
            // The context of the request has named it already.
            more.request_id = value.as_bytes();
        } else if name != CONNECTION
            && name != TRANSFER_ENCODING
            && (name != CONTENT_LENGTH || may_hide_a_body(framing, parts.status))
        {
            // What the framing says, it says itself.
            field(out, name.as_str(), value.as_bytes());
        }
    }
    match framing {
        Framing::Length(bytes) => length(out, bytes),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None if has_body(parts.status) && !parts.headers.contains_key(CONTENT_LENGTH) => {
            if let Some(bytes) = hidden.filter(|bytes| *bytes > 0) {
                length(out, bytes);
            }
        }
        Framing::None => {}
    }
    additions(out, more);
}

/// Writes an answer that is always the same.
pub(super) fn fixed(out: &mut Vec<u8>, answer: &FixedAnswer, method: &Method, more: Additions<'_>) {
    out.extend_from_slice(answer.head());
    additions(out, more);
    if *method != Method::HEAD {
        out.extend_from_slice(answer.body());
    }
}

/// Writes an answer of the server's own to a request that it turns away.
pub(super) fn refusal(out: &mut Vec<u8>, refusal: Refusal, method: &Method, more: Additions<'_>) {
    let text = refusal.text();
    status_line(out, refusal.status());
    out.extend_from_slice(b"content-type: text/plain; charset=utf-8\r\n");
    if refusal.is_worth_a_retry() {
        out.extend_from_slice(b"retry-after: 1\r\n");
    }
    length(out, text.len() as u64);
    additions(out, more);
    if *method != Method::HEAD {
        out.extend_from_slice(text.as_bytes());
    }
}

/// What every head ends with.
pub(super) fn additions(out: &mut Vec<u8>, more: Additions<'_>) {
    if more.after == After::Close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    field(out, "x-request-id", more.request_id);
    field(out, "date", more.date);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn status_line(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or("Unknown").as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn length(out: &mut Vec<u8>, bytes: u64) {
    field(out, "content-length", itoa::Buffer::new().format(bytes).as_bytes());
}

pub(super) fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
