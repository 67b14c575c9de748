//! Answers that are always the same: made when the server is built, sent without a handler.

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response};

/// An answer to GET and HEAD of one path, with status 200: what a load balancer or a browser asks for by the thousand
/// and no handler has to think about. It is counted as any other answer, but holds no slot and never waits: it costs
/// less than turning it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedAnswer {
    path: String,
    content_type: HeaderValue,
    body: Bytes,
    /// The head's first lines, as HTTP/1.1 has them.
    head: Vec<u8>,
}

/// Why an answer can't be given.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FixedAnswerError {
    /// No request asks for such a path.
    #[error("the path {0:?} must begin with / and have no ? or #, blank or control character")]
    Path(String),
    /// No head can hold such a type.
    #[error("{0:?} is no value of the header Content-Type; write one like text/plain; charset=utf-8")]
    ContentType(String),
    /// Answers of this kind are copied into each connection's buffer.
    #[error("the body has {0} bytes, and a fixed answer at most {MAX_BODY}; use a handler")]
    TooLong(usize),
}

/// The longest body.
const MAX_BODY: usize = 8 * 1024;

impl FixedAnswer {
    /// The answer `body` to requests of `path`, 8 KiB at most. The query of a request makes no difference.
    pub fn new(path: &str, content_type: &str, body: impl Into<Bytes>) -> Result<Self, FixedAnswerError> {
        let (body, path) = (body.into(), path.to_owned());
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'?' && byte != b'#';
        if !path.starts_with('/') || !path.bytes().all(plain) {
            return Err(FixedAnswerError::Path(path));
        }
        let Ok(value) = HeaderValue::from_str(content_type) else {
            return Err(FixedAnswerError::ContentType(content_type.to_owned()));
        };
        if body.len() > MAX_BODY {
            return Err(FixedAnswerError::TooLong(body.len()));
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n",
            length = body.len()
        );
        Ok(Self { path, content_type: value, body, head: head.into_bytes() })
    }

    /// The head up to where the connection adds its lines.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        response.headers_mut().insert(CONTENT_TYPE, self.content_type.clone());
        response
    }
}

/// The place in `answers` of the one to `method` and `target`, a path with or without a query.
pub(crate) fn find(answers: &[FixedAnswer], method: &Method, target: &str) -> Option<usize> {
    // Most services have none.
    if answers.is_empty() || !(*method == Method::GET || *method == Method::HEAD) {
        return None;
    }
    let asked = |answer: &FixedAnswer| match target.strip_prefix(answer.path.as_str()) {
        Some(rest) => rest.is_empty() || rest.starts_with('?'),
        None => false,
    };
    answers.iter().position(asked)
}

/// The whole response for connections that are not on the fast path.
pub(crate) fn response<B>(answers: &[FixedAnswer], request: &Request<B>) -> Option<Response<Body>> {
    find(answers, request.method(), request.uri().path()).map(|index| answers[index].response())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn answer(path: &str) -> FixedAnswer {
        FixedAnswer::new(path, "text/plain", "ok").unwrap()
    }

    #[rstest]
    #[case::the_path(Method::GET, "/a", true)]
    #[case::any_query(Method::GET, "/a?b=/c", true)]
    #[case::head(Method::HEAD, "/a", true)]
    #[case::longer(Method::GET, "/a/", false)]
    #[case::other(Method::GET, "/", false)]
    #[case::written(Method::POST, "/a", false)]
    fn answers_are_found_by_path_and_method(
        #[case] method: Method,
        #[case] target: &str,
        #[case] found: bool,
    ) {
        assert_eq!(find(&[answer("/a")], &method, target).is_some(), found);
    }

    #[rstest]
    #[case("a", "text/plain", 1, "must begin with /")]
    #[case("/a?b", "text/plain", 1, "no ?")]
    #[case("/a b", "text/plain", 1, "blank")]
    #[case("/a", "text/plain\r\nx: y", 1, "Content-Type")]
    #[case("/a", "text/plain", MAX_BODY + 1, "at most 8192")]
    fn what_can_not_be_sent_is_refused(
        #[case] path: &str,
        #[case] content_type: &str,
        #[case] length: usize,
        #[case] says: &str,
    ) {
        let error = FixedAnswer::new(path, content_type, vec![b'x'; length]).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn the_head_says_type_and_length() {
        assert_eq!(
            answer("/a").head(),
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n"
        );
    }
}
