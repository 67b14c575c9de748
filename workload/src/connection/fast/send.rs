//! Sending one answer: head and body in one write where the body is there, frame by frame where it is still made.

use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::Poll;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONNECTION;
use http::response::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::{Body as _, Frame};

use super::answer::{self, Additions, Framing};
use super::grammar::After;
use super::line::Line;
use super::scratch::{COPIED_BODY, Name, Scratch};
use super::serve::{End, ordered, poll_gone};
use crate::admission::Permit;
use crate::clock::Nanos;

/// The value of an answer's `X-Request-ID`.
pub(super) enum Id {
    /// The client's.
    Given(Bytes),
    Ours(Name),
}

/// Longer names of clients are replaced.
const LONGEST_ID: usize = 128;

/// What is known about an answer beside itself.
pub(super) struct Sending<'a> {
    pub(super) method: &'a Method,
    pub(super) id: Id,
    pub(super) after: After,
    /// The slot of the request, if the body is still being made.
    pub(super) permit: Option<Permit>,
    /// When the request's head was read.
    pub(super) arrived: Nanos,
}

/// Why an answer was not sent as a whole.
#[derive(Debug)]
enum Broken {
    /// The connection can't be used any more.
    Connection,
    /// It was told to end.
    Ordered(End),
    /// The handler broke off.
    Handler,
}

/// The next part of a body, as far as it is there.
enum Part {
    Data(Bytes),
    End,
    NotYet,
}

impl Id {
    pub(super) fn of(given: Option<&[u8]>, scratch: &Scratch) -> Self {
        let fit = |id: &&[u8]| (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
        given
            .filter(fit)
            .map_or_else(|| Self::Ours(scratch.name()), |id| Self::Given(Bytes::copy_from_slice(id)))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Given(id) => id,
            Self::Ours(name) => name,
        }
    }
}

impl Sending<'_> {
    /// Sends `response`; breaks if the connection ends with it.
    pub(super) async fn send(mut self, line: &mut Line, response: Response<Body>) -> ControlFlow<End> {
        let (parts, body) = response.into_parts();
        line.progress.answering();
        if parts.headers.contains_key(CONNECTION) && answer::ends_connection(&parts.headers) {
            self.after = After::Close;
        }
        let successful = parts.status < StatusCode::BAD_REQUEST;
        if let Err(broken) = self.send_parts(line, &parts, body).await {
            return ControlFlow::Break(match broken {
                Broken::Ordered(end) => end,
                Broken::Connection => ordered(&line.progress).unwrap_or(End::Closed),
                Broken::Handler => End::Closed,
            });
        }
        let now = line.hall.now();
        if successful {
            line.hall.record.succeeded(now - self.arrived);
        }
        line.progress.idle(now);
        if self.after == After::Close {
            line.shutdown().await;
            return ControlFlow::Break(End::Closed);
        }
        ControlFlow::Continue(())
    }

    async fn send_parts(&mut self, line: &mut Line, parts: &Parts, mut body: Body) -> Result<(), Broken> {
        let exact = body.size_hint().exact();
        let framing = Framing::of(self.method, parts, exact);
        let first = match framing {
            Framing::None | Framing::Length(0) => Part::End,
            Framing::Length(_) | Framing::Chunked => now(&mut body).await?,
        };
        let hall = std::rc::Rc::clone(&line.hall);
        let head = |out: &mut Vec<u8>| {
            hall.scratch.with_date(hall.about_now(), |date| {
                let additions = Additions { date, request_id: self.id.as_bytes(), after: self.after };
                answer::head(out, parts, framing, exact, additions);
            });
        };
        match (framing, &first) {
            // The usual answer.
            (Framing::Length(length), Part::Data(data))
                if data.len() as u64 == length && data.len() <= COPIED_BODY =>
            {
                line.write(|out| {
                    head(out);
                    out.extend_from_slice(data);
                })
                .await?;
            }
            (Framing::None | Framing::Length(0), _) => line.write(head).await?,
            _ => {
                line.write(head).await?;
                self.send_body(line, framing, first, body).await?;
            }
        }
        drop(self.permit.take());
        line.flush().await?;
        Ok(())
    }

    /// A body part by part, each written when it is there.
    async fn send_body(
        &self,
        line: &mut Line,
        framing: Framing,
        mut part: Part,
        mut body: Body,
    ) -> Result<(), Broken> {
        let mut left = match framing {
            Framing::Length(length) => length,
            Framing::None | Framing::Chunked => u64::MAX,
        };
        loop {
            match part {
                Part::Data(data) if data.len() as u64 > left => return Err(Broken::Handler),
                Part::Data(data) => {
                    left -= data.len() as u64;
                    send_data(line, framing, &data).await?;
                }
                Part::End if framing == Framing::Chunked => return Ok(line.write_all(b"0\r\n\r\n").await?),
                // The client waits for more: it must not take what comes next for it.
                Part::End if left > 0 => return Err(Broken::Handler),
                Part::End => return Ok(()),
                Part::NotYet => line.flush().await?,
            }
            part = later(line, &mut body).await?;
        }
    }
}

async fn send_data(line: &mut Line, framing: Framing, data: &Bytes) -> io::Result<()> {
    // An empty chunk would be the end.
    if data.is_empty() {
        return Ok(());
    }
    if framing == Framing::Chunked {
        line.write(|out| {
            out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
            if data.len() <= COPIED_BODY {
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
        })
        .await?;
        if data.len() <= COPIED_BODY {
            return Ok(());
        }
        line.write_all(data).await?;
        return line.write_all(b"\r\n").await;
    }
    line.write_all(data).await
}

/// The next part, if it is there.
async fn now(body: &mut Body) -> Result<Part, Broken> {
    poll_fn(|cx| {
        Poll::Ready(match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(frame) => part(frame),
            Poll::Pending => Ok(Part::NotYet),
        })
    })
    .await
}

/// The next part, when it is there and for as long as the client is.
async fn later(line: &mut Line, body: &mut Body) -> Result<Part, Broken> {
    poll_fn(|cx| {
        if let Some(end) = ordered(&line.progress) {
            return Poll::Ready(Err(Broken::Ordered(end)));
        }
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(part(frame)),
            Poll::Pending => poll_gone(line, cx).map(|end| Err(Broken::Ordered(end))),
        }
    })
    .await
}

fn part(frame: Option<Result<Frame<Bytes>, axum::Error>>) -> Result<Part, Broken> {
    match frame {
        None => Ok(Part::End),
        Some(Err(_)) => Err(Broken::Handler),
        // Trailers are dropped: nobody was told of them.
        Some(Ok(frame)) => Ok(Part::Data(frame.into_data().unwrap_or_default())),
    }
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Connection
    }
}
