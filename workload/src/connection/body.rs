//! Bodies in both directions, watched: a request's for its timeouts, an answer's for its end.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::Limited;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use super::progress::{Answered, Progress};
use super::upload::Upload;
use crate::admission::Permit;

/// A request's body that reports its progress.
#[derive(Debug)]
pub(super) struct UploadBody {
    incoming: Incoming,
    /// Bytes of it that were read.
    bytes: u64,
    upload: Arc<Upload>,
}

/// An answer's body; when it ends, or is dropped, the answer has gone to hyper as a whole.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    inner: Body,
    /// The slot of the request, if the body is still being made while it is sent.
    permit: Option<Permit>,
    how: Answered,
    progress: Rc<Progress>,
}

/// The body a handler reads: at most `limit` bytes, watched by `upload`.
pub(super) fn limited(incoming: Incoming, upload: Arc<Upload>, limit: usize) -> Body {
    Body::new(Limited::new(UploadBody { incoming, bytes: 0, upload }, limit))
}

impl AnswerBody {
    pub(super) fn new(inner: Body, permit: Option<Permit>, how: Answered, progress: Rc<Progress>) -> Self {
        Self { inner, permit, how, progress }
    }

    /// How the answer has gone so far.
    pub(super) fn how(&self) -> Answered {
        self.how
    }
}

/// A part of a body that keeps no more memory than a few times its own. As hyper hands it over it is a slice of the
/// buffer it was read into: a client that sends single bytes would make a handler that collects them keep eight
/// kilobytes for each.
fn unshared(part: Bytes) -> Bytes {
    if part.len() < SMALL_PART { Bytes::copy_from_slice(&part) } else { part }
}

/// A quarter of the buffer that hyper reads into.
const SMALL_PART: usize = 2048;

impl HttpBody for UploadBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) else {
            self.upload.awaited();
            return Poll::Pending;
        };
        match &frame {
            Some(Ok(frame)) => {
                self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.upload.progressed(self.bytes);
            }
            Some(Err(_)) => self.upload.released(),
            None => {}
        }
        if frame.is_none() || self.incoming.is_end_stream() {
            self.upload.completed();
        }
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(unshared))))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for UploadBody {
    /// Who drops it waits for nothing more.
    fn drop(&mut self) {
        self.upload.released();
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match frame {
            None => drop(self.permit.take()),
            Some(Err(_)) => self.how = Answered::Otherwise,
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.progress.answer_ended(self.how);
    }
}
