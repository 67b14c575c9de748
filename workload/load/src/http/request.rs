//! The bytes of a request, written once and sent many times.

use super::Target;
use httparse::{EMPTY_HEADER, Status};

/// Longest request body, in bytes.
pub const MAX_REQUEST_BODY: usize = 16 << 20;

/// The complete bytes of a request to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Head and body.
    pub bytes: Vec<u8>,
    /// Whether the answer has no body, whatever its headers say.
    pub no_body: bool,
}

/// Why a request cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The method is no token, or one that has no plain answer.
    #[error("{0:?} is not a method that can be sent; use for example GET or POST")]
    Method(String),
    /// The path is not one.
    #[error("the path {0:?} must start with / and have no spaces")]
    Path(String),
    /// The header is not one.
    #[error("{0:?} is not a header; expected 'Name: value'")]
    Header(String),
    /// A header that the generator sets itself.
    #[error("the header {0:?} is set by the generator itself; leave it out")]
    Reserved(String),
    /// The body is too long.
    #[error("a body of {0} bytes is over the limit of 16 MiB")]
    Body(usize),
}

impl Request {
    /// Writes a request. `close` asks the server to close the connection after the answer.
    pub fn write(
        target: &Target,
        method: &str,
        headers: &[String],
        body_bytes: usize,
        close: bool,
    ) -> Result<Self, RequestError> {
        if !method.bytes().all(|byte| byte.is_ascii_uppercase()) || matches!(method, "" | "CONNECT") {
            return Err(RequestError::Method(method.to_owned()));
        }
        if !target.path.starts_with('/') || !target.path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RequestError::Path(target.path.clone()));
        }
        if body_bytes > MAX_REQUEST_BODY {
            return Err(RequestError::Body(body_bytes));
        }
        let mut lines = vec![format!("{method} {} HTTP/1.1", target.path)];
        if !headers.iter().any(|header| name_of(header).eq_ignore_ascii_case("host")) {
            lines.push(format!("Host: {}", target.authority));
        }
        for header in headers {
            check(header)?;
            lines.push(header.trim().to_owned());
        }
        if body_bytes > 0 || matches!(method, "POST" | "PUT" | "PATCH") {
            lines.push(format!("Content-Length: {body_bytes}"));
        }
        if close {
            lines.push("Connection: close".to_owned());
        }
        let mut bytes = (lines.join("\r\n") + "\r\n\r\n").into_bytes();
        bytes.resize(bytes.len() + body_bytes, b'x');
        Ok(Self { bytes, no_body: method == "HEAD" })
    }
}

fn name_of(header: &str) -> &str {
    header.split(':').next().unwrap_or_default().trim()
}

/// One header and nothing else: what the parser of the answers takes for exactly one.
fn check(header: &str) -> Result<(), RequestError> {
    let name = name_of(header);
    if ["content-length", "transfer-encoding", "connection"].iter().any(|own| name.eq_ignore_ascii_case(own))
    {
        return Err(RequestError::Reserved(name.to_owned()));
    }
    let text = format!("{}\r\n\r\n", header.trim());
    match httparse::parse_headers(text.as_bytes(), &mut [EMPTY_HEADER; 2]) {
        Ok(Status::Complete((_, [_]))) => Ok(()),
        _ => Err(RequestError::Header(header.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn write(method: &str, headers: &[&str], body: usize, close: bool) -> Result<String, RequestError> {
        let target = Target::parse("http://h:81/p?q").unwrap();
        let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
        Request::write(&target, method, &headers, body, close).map(|r| String::from_utf8(r.bytes).unwrap())
    }

    #[rstest]
    #[case::plain("GET", &[], 0, false, "GET /p?q HTTP/1.1\r\nHost: h:81\r\n\r\n")]
    #[case::close("GET", &[], 0, true, "GET /p?q HTTP/1.1\r\nHost: h:81\r\nConnection: close\r\n\r\n")]
    #[case::body("POST", &["A: b"], 3, false, "POST /p?q HTTP/1.1\r\nHost: h:81\r\nA: b\r\nContent-Length: 3\r\n\r\nxxx")]
    #[case::own_host("GET", &["host: other"], 0, false, "GET /p?q HTTP/1.1\r\nhost: other\r\n\r\n")]
    fn a_request_is_written_as_the_protocol_says(
        #[case] method: &str,
        #[case] headers: &[&str],
        #[case] body: usize,
        #[case] close: bool,
        #[case] expected: &str,
    ) {
        assert_eq!(write(method, headers, body, close).unwrap(), expected);
    }

    #[rstest]
    #[case::method("G T", &[], 0, "is not a method")]
    #[case::connect("CONNECT", &[], 0, "is not a method")]
    #[case::no_colon("GET", &["abc"], 0, "expected 'Name: value'")]
    #[case::two_lines("GET", &["a: b\r\nc: d"], 0, "expected 'Name: value'")]
    #[case::reserved("GET", &["Connection: close"], 0, "set by the generator itself")]
    #[case::body("POST", &[], MAX_REQUEST_BODY + 1, "over the limit")]
    fn what_cannot_be_sent_says_why(
        #[case] method: &str,
        #[case] headers: &[&str],
        #[case] body: usize,
        #[case] expected: &str,
    ) {
        let message = write(method, headers, body, false).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
