//! The loop of one connection on the fast path: read a request, run it, answer.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};

use super::super::front::{Front, Outcome};
use super::super::progress::{Order, Progress, Upload};
use super::super::refusal::Refusal;
use super::answer::{self, Additions};
use super::grammar::{self, After, Bearing, Head, Scan};
use super::line::{Line, Written};
use super::request::request;
use super::scratch::READ_AHEAD;
use super::send::{Id, Sending};
use crate::clock::Nanos;

/// How a connection left the fast path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connection) enum End {
    Closed,
    Reset,
    /// It was asked to go to another thread, and is between two requests.
    Parted,
    /// What follows is hyper's.
    Foreign,
}

/// A request that was read as a whole.
struct Call {
    request: Request<Body>,
    id: Id,
    after: After,
}

/// Where the next call is put: it is some hundred bytes, and each move copies them.
type Slot = Option<Call>;

/// What a look at the received bytes shows.
enum Seen {
    /// A request, which is in the slot.
    Call,
    /// A request whose answer is known.
    Fixed(Fixed),
    /// A head, and not all of its body.
    Body,
    /// Not all of a head.
    Partial,
    Foreign,
}

/// What comes next on a connection.
enum Next {
    /// The request in the slot.
    Call,
    Refuse(Refusal),
    /// An answer could not be written at once.
    Rest(Fixed),
    End(End),
}

/// A request whose answer is known.
struct Fixed {
    /// Place of the answer among the fixed ones.
    index: usize,
    method: Method,
    id: Id,
    after: After,
    arrived: Nanos,
}

/// Whether received bytes may hold a request that nobody has looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inbox {
    Unseen,
    Seen,
}

/// Bytes of a body that are read before a handler runs; longer ones are hyper's.
pub(super) const LONGEST_BODY: usize = 16 * 1024;

/// Serves requests until the connection ends or has to leave this path.
pub(in crate::connection) async fn serve(line: &mut Line, front: &Front) -> End {
    loop {
        let mut slot = None;
        match next(line, front, &mut slot).await {
            Next::Call => {}
            Next::Rest(fixed) => match Box::pin(send_rest(line, front, &fixed)).await {
                ControlFlow::Break(end) => return end,
                ControlFlow::Continue(()) => continue,
            },
            Next::Refuse(refusal) => return Box::pin(refuse(line, front, refusal)).await,
            Next::End(end) => return end,
        }
        let Some(call) = slot else { return End::Closed };
        // Boxed: with a request under way a connection needs kilobytes, at rest a fraction of that. The box is the one
        // that the last request of this thread gave back, so it is in the cache.
        if let ControlFlow::Break(end) = Box::pin(answer(line, front, call)).await {
            return end;
        }
    }
}

async fn next(line: &mut Line, front: &Front, slot: &mut Slot) -> Next {
    let (mut inbox, mut upload) = (Inbox::Unseen, None);
    poll_fn(|cx| {
        line.progress.remember_waker(cx.waker());
        loop {
            if let Some(end) = ordered(&line.progress) {
                return Poll::Ready(Next::End(end));
            }
            if let Some(refusal) = line.progress.take_overdue() {
                front.backend.malformed();
                return Poll::Ready(Next::Refuse(refusal));
            }
            let seen = match std::mem::replace(&mut inbox, Inbox::Seen) {
                Inbox::Unseen if !line.inbox.is_empty() => line.look(|bytes| see(bytes, front, slot)),
                _ => match line.poll_read(cx, |bytes| see(bytes, front, slot)) {
                    Poll::Ready(Ok(Some(seen))) => seen,
                    Poll::Ready(_) if upload.is_some() => {
                        front.backend.malformed();
                        return Poll::Ready(Next::Refuse(Refusal::Malformed("the body ended early\n")));
                    }
                    Poll::Ready(_) => return Poll::Ready(Next::End(End::Closed)),
                    Poll::Pending if line.progress.is_to_part() => {
                        return Poll::Ready(Next::End(End::Parted));
                    }
                    Poll::Pending => return Poll::Pending,
                },
            };
            match seen {
                Seen::Call => return Poll::Ready(Next::Call),
                Seen::Fixed(fixed) => match send_fixed(line, front, fixed, cx) {
                    None => inbox = Inbox::Unseen,
                    Some(next) => return Poll::Ready(next),
                },
                Seen::Foreign => return Poll::Ready(Next::End(End::Foreign)),
                Seen::Partial if line.inbox.len() >= front.limits().head_bytes => {
                    return Poll::Ready(Next::End(End::Foreign));
                }
                Seen::Partial => line.progress.bytes_read(line.hall.now()),
                Seen::Body => await_body(line, &mut upload),
            }
        }
    })
    .await
}

/// Waits, watched, for the rest of a body whose head is complete.
fn await_body(line: &Line, upload: &mut Option<Arc<Upload>>) {
    let upload = upload.get_or_insert_with(|| {
        let upload = Upload::begin(line.hall.clock());
        line.progress.head_read(line.hall.now(), Some(Arc::clone(&upload)));
        upload
    });
    upload.progressed();
    upload.awaited();
}

/// What `bytes` begins with, and how much of them that uses up.
fn see(bytes: &[u8], front: &Front, slot: &mut Slot) -> (usize, Seen) {
    let mut room = grammar::room();
    match grammar::scan(bytes, &mut room, front.limits(), LONGEST_BODY) {
        Scan::Partial => (0, Seen::Partial),
        Scan::Foreign => (0, Seen::Foreign),
        Scan::Head(head) if bytes.len() < head.bytes + head.body_bytes => (0, Seen::Body),
        Scan::Head(head) => match seen_fixed(&head, front) {
            Some(fixed) => (head.bytes, Seen::Fixed(fixed)),
            None => see_call(&head, bytes, front, slot),
        },
    }
}

fn see_call(head: &Head<'_, '_>, bytes: &[u8], front: &Front, slot: &mut Slot) -> (usize, Seen) {
    let Some(request) = request(head, bytes) else { return (0, Seen::Foreign) };
    let id = Id::of(head.request_id, front.scratch());
    *slot = Some(Call { request, id, after: head.after });
    (head.bytes + head.body_bytes, Seen::Call)
}

/// The request as one whose answer is known, if it is; and if nothing in its head could change that.
fn seen_fixed(head: &Head<'_, '_>, front: &Front) -> Option<Fixed> {
    let bare = head.body_bytes == 0 && head.bearing == Bearing::None;
    let index = bare.then(|| front.backend.fixed(&head.method, head.target)).flatten()?;
    let id = Id::of(head.request_id, front.scratch());
    Some(Fixed { index, method: head.method.clone(), id, after: head.after, arrived: front.now() })
}

/// Sends an answer that is known. `None` if it is written and others may follow.
fn send_fixed(line: &mut Line, front: &Front, mut fixed: Fixed, cx: &mut Context<'_>) -> Option<Next> {
    let asked = fixed.after;
    if front.is_to_end(fixed.arrived) {
        fixed.after = After::Close;
    }
    line.progress.head_read(fixed.arrived, None);
    line.progress.answering();
    let written = line.begin_writing(cx, |out| {
        front.scratch().with_date(fixed.arrived, |date| {
            let additions = Additions { date, request_id: fixed.id.as_bytes(), after: fixed.after };
            if let Some(answer) = front.backend.fixed_answer(fixed.index) {
                answer::fixed(out, answer, &fixed.method, additions);
            }
        });
    });
    match written {
        Ok(Written::Whole) if fixed.after == asked => {
            front.sent_fixed(fixed.arrived);
            // A client that asked for the end sends nothing more: there is nothing to wait for.
            (asked == After::Close).then_some(Next::End(End::Closed))
        }
        Ok(_) => Some(Next::Rest(fixed)),
        Err(_) => Some(Next::End(ordered(&line.progress).unwrap_or(End::Closed))),
    }
}

/// Ends an answer that could not be written at once, or ends the connection.
async fn send_rest(line: &mut Line, front: &Front, fixed: &Fixed) -> ControlFlow<End> {
    if line.write_rest().await.is_err() || line.flush().await.is_err() {
        return ControlFlow::Break(ordered(&line.progress).unwrap_or(End::Closed));
    }
    front.sent_fixed(fixed.arrived);
    if fixed.after == After::Close {
        line.shutdown().await;
        return ControlFlow::Break(End::Closed);
    }
    ControlFlow::Continue(())
}

async fn answer(line: &mut Line, front: &Front, call: Call) -> ControlFlow<End> {
    let Call { request, id, after } = call;
    let arrived = line.hall.now();
    line.progress.head_read(arrived, None);
    let method = request.method().clone();
    let outcome = run(line, front, request, arrived).await?;
    let (mut response, permit) = outcome.unwrap_or_else(|refusal| (refusal.response(), None));
    if response.status().is_informational() {
        // Nothing was offered that such a status could answer.
        response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    let after = if front.is_to_end(arrived) { After::Close } else { after };
    let sending = Sending { method: &method, id, after, permit, arrived };
    sending.send(line, response).await
}

/// Runs a request for as long as its client is there.
async fn run(
    line: &mut Line,
    front: &Front,
    request: Request<Body>,
    arrived: Nanos,
) -> ControlFlow<End, Outcome> {
    let mut call = pin!(front.backend.call(request, arrived, &front.peer));
    poll_fn(|cx| {
        if let Some(end) = ordered(&line.progress) {
            return Poll::Ready(ControlFlow::Break(end));
        }
        if let Some(refusal) = line.progress.take_overdue() {
            line.hall.record.responded(refusal.status());
            return Poll::Ready(ControlFlow::Continue(Err(refusal)));
        }
        if let Poll::Ready(outcome) = call.as_mut().poll(cx) {
            return Poll::Ready(ControlFlow::Continue(outcome));
        }
        poll_gone(line, cx).map(ControlFlow::Break)
    })
    .await
}

/// Ready once the client has left. What it sends meanwhile is kept, up to a bound.
pub(super) fn poll_gone(line: &mut Line, cx: &mut Context<'_>) -> Poll<End> {
    while line.inbox.len() < READ_AHEAD {
        match line.poll_read(cx, |_| (0, ())) {
            Poll::Ready(Ok(Some(()))) => {}
            Poll::Ready(_) => return Poll::Ready(End::Closed),
            Poll::Pending => break,
        }
    }
    Poll::Pending
}

/// The end that the connection was told to come to.
pub(super) fn ordered(progress: &Progress) -> Option<End> {
    match progress.order() {
        Order::Close => Some(End::Closed),
        Order::Reset => Some(End::Reset),
        Order::Stay | Order::Part => None,
    }
}

async fn refuse(line: &mut Line, front: &Front, refusal: Refusal) -> End {
    let sending = Sending {
        method: &http::Method::GET,
        id: Id::of(None, front.scratch()),
        after: After::Close,
        permit: None,
        arrived: line.hall.about_now(),
    };
    match sending.send(line, refusal.response()).await {
        ControlFlow::Break(end) => end,
        ControlFlow::Continue(()) => End::Closed,
    }
}
