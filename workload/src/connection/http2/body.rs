//! The body of an answer on a stream: handed over in small parts, so that what a client does not take stays here.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use bytes::Bytes;
use http::Method;
use hyper::body::{Frame, SizeHint};

use super::super::body::AnswerBody;
use super::super::progress::{Answered, Progress};
use super::super::registry::Hall;
use super::session::Session;
use crate::clock::Nanos;

/// hyper asks for a part when the client has room for the first byte of it, and keeps all of it.
const PART_BYTES: usize = 16 * 1024;

/// A body that reports its progress.
pub(super) struct StreamBody {
    inner: AnswerBody,
    /// Whether its end was read.
    ended: bool,
    /// Read from it and not handed over.
    rest: Bytes,
    arrived: Nanos,
    progress: Rc<Progress>,
    session: Rc<Session>,
    hall: Rc<Hall>,
}

impl StreamBody {
    pub(super) fn new(
        inner: AnswerBody,
        method: &Method,
        arrived: Nanos,
        progress: Rc<Progress>,
        session: Rc<Session>,
        hall: Rc<Hall>,
    ) -> Self {
        // The answer to HEAD has no body, whatever it says of its length.
        let ended = method == Method::HEAD;
        Self { inner, ended, rest: Bytes::new(), arrived, progress, session, hall }
    }

    /// Hands over a part, and starts to wait for the client to have room for the next.
    fn part(&mut self) -> Frame<Bytes> {
        let part = self.rest.split_to(self.rest.len().min(PART_BYTES));
        self.session.answering(part.len());
        self.progress.write_blocked(self.hall.about_now());
        Frame::data(part)
    }
}

impl HttpBody for StreamBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.progress.write_progressed();
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.part())));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else { return Poll::Pending };
        match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                self.rest = data;
                Poll::Ready(Some(Ok(self.part())))
            }
            Some(Ok(Err(trailers))) => Poll::Ready(Some(Ok(trailers))),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && (self.ended || self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

impl Drop for StreamBody {
    /// An answer that was handed over as a whole is counted; one that the client gave up is not.
    fn drop(&mut self) {
        if !self.is_end_stream() {
            return;
        }
        self.session.answered();
        if self.inner.how() == Answered::Successfully {
            self.hall.record.succeeded(self.hall.now() - self.arrived);
        }
    }
}
