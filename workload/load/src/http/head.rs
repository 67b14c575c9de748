//! The head of an answer: what it says about the body and about the connection.

use super::{MAX_BODY, MAX_HEAD};
use httparse::{Header, ParserConfig, Response, Status};
use std::mem::MaybeUninit;

const MAX_HEADERS: usize = 100;

/// What the answer's bytes cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not HTTP/1, or more than 100 headers.
    #[error("the head is not HTTP/1")]
    Head,
    /// The head is longer than [`MAX_HEAD`].
    #[error("the head is longer than 64 KiB")]
    HeadTooLong,
    /// A Content-Length that is no number, or several that differ.
    #[error("the Content-Length is not a number")]
    ContentLength,
    /// The body is longer than [`MAX_BODY`].
    #[error("the body is longer than 64 MiB")]
    BodyTooLong,
    /// The chunked framing is broken.
    #[error("the chunked body is broken")]
    Chunk,
    /// A change of protocol that nobody asked for.
    #[error("the server switched protocols")]
    Upgrade,
}

/// What a complete head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the head.
    pub(super) length: usize,
    pub(super) status: u16,
    /// Whether the server keeps the connection open, as far as it says.
    pub(super) keep_alive: bool,
    pub(super) body: Body,
}

/// How the end of the body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Bytes(u64),
    Chunked,
    UntilClose,
}

/// Reads a head from the start of `bytes`; `None` if it is not complete yet. `no_body`: the request was a HEAD.
pub(super) fn parse(bytes: &[u8], no_body: bool) -> Result<Option<Head>, Malformed> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
    let length = match parsed {
        Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(Status::Partial) if bytes.len() <= MAX_HEAD => return Ok(None),
        Ok(_) => return Err(Malformed::HeadTooLong),
        Err(_) => return Err(Malformed::Head),
    };
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(Malformed::Head);
    };
    match status {
        101 => return Err(Malformed::Upgrade),
        100..=599 => {}
        _ => return Err(Malformed::Head),
    }
    let framing = Framing::of(response.headers)?;
    let body = match framing.body {
        _ if no_body || status < 200 || status == 204 || status == 304 => Body::Bytes(0),
        body => body,
    };
    let keep_alive = body != Body::UntilClose
        && !framing.ambiguous
        && !framing.close
        && (version == 1 || framing.keep_alive);
    Ok(Some(Head { length, status, keep_alive, body }))
}

/// What the headers say, before status and method are taken into account.
struct Framing {
    body: Body,
    close: bool,
    keep_alive: bool,
    /// Both a length and chunks: the chunks count, and the connection is not used again.
    ambiguous: bool,
}

impl Framing {
    fn of(headers: &[Header<'_>]) -> Result<Self, Malformed> {
        let (mut length, mut coding) = (None, None);
        let (mut close, mut keep_alive) = (false, false);
        for Header { name, value } in headers {
            if name.eq_ignore_ascii_case("content-length") {
                let value = content_length(value)?;
                if length.is_some_and(|before| before != value) {
                    return Err(Malformed::ContentLength);
                }
                length = Some(value);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                coding = tokens(value).last();
            } else if name.eq_ignore_ascii_case("connection") {
                close |= tokens(value).any(|token| token.eq_ignore_ascii_case(b"close"));
                keep_alive |= tokens(value).any(|token| token.eq_ignore_ascii_case(b"keep-alive"));
            }
        }
        let body = match (coding, length) {
            (Some(last), _) if last.eq_ignore_ascii_case(b"chunked") => Body::Chunked,
            (Some(_), _) | (None, None) => Body::UntilClose,
            (None, Some(length)) => Body::Bytes(length),
        };
        Ok(Self { body, close, keep_alive, ambiguous: coding.is_some() && length.is_some() })
    }
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn content_length(value: &[u8]) -> Result<u64, Malformed> {
    let digits = value.trim_ascii();
    let text = std::str::from_utf8(digits).map_err(|_| Malformed::ContentLength)?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed::ContentLength);
    }
    // All digits: what does not fit is too long, not wrong.
    match text.parse::<u64>() {
        Ok(length) if length <= MAX_BODY => Ok(length),
        _ => Err(Malformed::BodyTooLong),
    }
}
