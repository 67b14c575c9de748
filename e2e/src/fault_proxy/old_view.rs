//! Answers as they once were, for rules that show an old view.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;

use super::BoxError;

/// Largest answer that is kept, in bytes.
const LIMIT: usize = 32 << 20;
/// Most answers that are kept.
const MOST: usize = 10_000;

/// An answer.
#[derive(Debug, Clone)]
pub struct Old {
    status: StatusCode,
    content_type: Option<header::HeaderValue>,
    body: Bytes,
}

/// What was answered first since the rules changed, by path and query. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct OldView(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    change: u64,
    answers: HashMap<String, Old>,
}

impl OldView {
    /// What was answered under this change of the rules.
    pub fn of(&self, uri: &str, change: u64) -> Option<Old> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.answers.get(uri).filter(|_| kept.change == change).cloned()
    }

    /// Keeps an answer, unless one was faster.
    pub async fn keep(&self, uri: String, change: u64, answer: Response<Incoming>) -> Result<Old, BoxError> {
        let (parts, body) = answer.into_parts();
        let old = Old {
            status: parts.status,
            content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
            body: Limited::new(body, LIMIT).collect().await?.to_bytes(),
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.change != change {
            *kept = Kept { change, answers: HashMap::new() };
        }
        if kept.answers.len() >= MOST {
            return Ok(old);
        }
        Ok(kept.answers.entry(uri).or_insert(old).clone())
    }
}

impl Old {
    /// As an answer.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        if let Some(content_type) = self.content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        response
    }
}
