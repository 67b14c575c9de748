//! The grammar of the fast path: heads of HTTP/1.1 requests that leave no doubt about where they and their bodies end.
//! Whatever else a client sends, hyper decides about it, from the same first byte.

use std::mem::MaybeUninit;

use http::Method;
use httparse::{Header, Status};
use memchr::memchr_iter;

use crate::settings::Limits;

/// More headers are hyper's: it knows the limit's answer.
pub(super) const MAX_HEADERS: usize = 64;

/// What a buffer begins with.
#[derive(Debug)]
pub(super) enum Scan<'b, 'h> {
    /// The beginning of a head.
    Partial,
    /// Not of this grammar.
    Foreign,
    /// A whole head.
    Head(Head<'b, 'h>),
}

/// A head in its buffer.
#[derive(Debug)]
pub(super) struct Head<'b, 'h> {
    pub(super) method: Method,
    /// In origin form.
    pub(super) target: &'b str,
    pub(super) headers: &'h [Header<'b>],
    /// Bytes of the head, with the empty line.
    pub(super) bytes: usize,
    /// Bytes of the body that follows.
    pub(super) body_bytes: usize,
    pub(super) after: After,
    /// What the client calls the request.
    pub(super) request_id: Option<&'b [u8]>,
    pub(super) bearing: Bearing,
}

/// Whether headers may have a say in admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearing {
    None,
    Some,
}

/// What the client wants of the connection after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum After {
    Keep,
    Close,
}

/// Room for the headers of one head.
pub(super) type Room<'b> = [MaybeUninit<Header<'b>>; MAX_HEADERS];

pub(super) const fn room<'b>() -> Room<'b> {
    [const { MaybeUninit::uninit() }; MAX_HEADERS]
}

/// What `bytes` begins with. `longest_body` is what this path takes.
pub(super) fn scan<'b, 'h>(
    bytes: &'b [u8],
    room: &'h mut Room<'b>,
    limits: &Limits,
    longest_body: usize,
) -> Scan<'b, 'h> {
    // Empty lines before a request are lawful, and rare.
    if !bytes.first().is_some_and(u8::is_ascii_uppercase) {
        return Scan::Foreign;
    }
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, room) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Scan::Partial,
        Err(_) => return Scan::Foreign,
    };
    let (Some(method), Some(target), Some(1)) = (request.method, request.path, request.version) else {
        return Scan::Foreign;
    };
    let headers: &'h [Header<'b>] = request.headers;
    let plain = length <= limits.head_bytes
        && target.starts_with('/')
        && target.len() <= limits.uri_bytes
        && has_whole_line_ends(&bytes[..length]);
    let (true, Some(method), Some(facts)) = (plain, known(method), Facts::of(headers)) else {
        return Scan::Foreign;
    };
    let body_bytes = facts.body_bytes.unwrap_or(0);
    if body_bytes > longest_body.min(limits.body_bytes) {
        return Scan::Foreign;
    }
    Scan::Head(Head {
        method,
        target,
        headers,
        bytes: length,
        body_bytes,
        after: facts.after,
        request_id: facts.request_id,
        bearing: facts.bearing,
    })
}

/// Whether every line ends with CR LF. A bare LF is where two parsers see two requests.
fn has_whole_line_ends(head: &[u8]) -> bool {
    memchr_iter(b'\n', head).all(|at| at > 0 && head[at - 1] == b'\r')
}

fn known(method: &str) -> Option<Method> {
    Some(match method {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        "OPTIONS" => Method::OPTIONS,
        _ => return None,
    })
}

/// What the headers say that matters before a handler sees them.
#[derive(Debug)]
struct Facts<'b> {
    hosts: u32,
    body_bytes: Option<usize>,
    after: After,
    request_id: Option<&'b [u8]>,
    bearing: Bearing,
}

impl<'b> Facts<'b> {
    /// `None` where the headers are not of this grammar.
    fn of(headers: &[Header<'b>]) -> Option<Self> {
        let mut facts =
            Self { hosts: 0, body_bytes: None, after: After::Keep, request_id: None, bearing: Bearing::None };
        for header in headers {
            facts.note(header)?;
        }
        (facts.hosts == 1).then_some(facts)
    }

    /// Names are told apart by their length first: most headers matter to nobody here.
    fn note(&mut self, header: &Header<'b>) -> Option<()> {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        match header.name.len() {
            4 if is("host") => self.hosts += 1,
            6 if is("expect") => return None,
            7 if is("upgrade") => return None,
            // Whoever said "close" in one of several headers meant it.
            10 if is("connection") => self.after = self.after.max(after(header.value)?),
            12 if is("x-request-id") => self.request_id = Some(header.value),
            14 if is("content-length") => {
                let first = self.body_bytes.replace(decimal(header.value)?).is_none();
                return first.then_some(());
            }
            14 if is("http2-settings") => return None,
            17 if is("transfer-encoding") => return None,
            _ if has_bearing(header.name) => self.bearing = Bearing::Some,
            _ => {}
        }
        Some(())
    }
}

/// Deadlines, priorities, marks of retries and keys of clients come in headers of these kinds.
fn has_bearing(name: &str) -> bool {
    let name = name.as_bytes();
    matches!(name, [b'x' | b'X', b'-', ..])
        || name.get(..5).is_some_and(|kind| kind.eq_ignore_ascii_case(b"grpc-"))
}

fn after(value: &[u8]) -> Option<After> {
    if value.eq_ignore_ascii_case(b"keep-alive") {
        Some(After::Keep)
    } else {
        value.eq_ignore_ascii_case(b"close").then_some(After::Close)
    }
}

/// A number of bytes, in digits alone.
fn decimal(value: &[u8]) -> Option<usize> {
    let few_digits = (1..=9).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    few_digits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing(&[], Some(After::Keep))]
    #[case::keep(&["keep-alive"], Some(After::Keep))]
    #[case::close(&["Close"], Some(After::Close))]
    #[case::close_last(&["keep-alive", "close"], Some(After::Close))]
    #[case::close_first(&["close", "keep-alive"], Some(After::Close))]
    #[case::several_in_one(&["close, keep-alive"], None)]
    fn a_connection_ends_if_one_header_says_so(#[case] values: &[&str], #[case] expected: Option<After>) {
        let lines: Vec<_> = values.iter().map(|value| format!("Connection: {value}\r\n")).collect();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", lines.concat());
        let mut room = room();
        let after = match scan(head.as_bytes(), &mut room, &Limits::default(), 0) {
            Scan::Head(head) => Some(head.after),
            Scan::Foreign | Scan::Partial => None,
        };
        assert_eq!(after, expected);
    }
}
