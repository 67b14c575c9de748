//! The loop of one connection on the fast path: read a request, run it, answer.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response, StatusCode};

use super::super::front::{Front, Outcome};
use super::super::progress::{Order, Progress};
use super::super::refusal::Refusal;
use super::super::upload::Upload;
use super::grammar::{self, After, Head, Scan};
use super::known::{Known, known, send_known, send_rest};
use super::line::Line;
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
    Known(Known),
    /// A head, and so many bytes of its body, which are not all.
    Body(usize),
    /// Not all of a head.
    Partial,
    Foreign,
}

/// What comes next on a connection.
pub(super) enum Next {
    /// The request in the slot.
    Call,
    Refuse(Refusal),
    /// An answer could not be written at once.
    Rest(Known),
    End(End),
}

/// Whether received bytes may hold a request that nobody has looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inbox {
    Unseen,
    Seen,
}

/// Bytes of a body that are read before a handler runs; longer ones are hyper's.
pub(super) const LONGEST_BODY: usize = 16 * 1024;

/// Requests answered in a row before others have their turn: a client may send a thousand at once.
const TURNS: u32 = 16;

/// Serves requests until the connection ends or has to leave this path.
pub(in crate::connection) async fn serve(line: &mut Line, front: &Front) -> End {
    let mut turns = 0;
    loop {
        let mut slot = None;
        match next(line, front, &mut slot).await {
            Next::Call => {}
            Next::Rest(known) => match Box::pin(send_rest(line, front, &known)).await {
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
        turns += 1;
        if turns % TURNS == 0 && !line.inbox.is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

async fn next(line: &mut Line, front: &Front, slot: &mut Slot) -> Next {
    let (mut inbox, mut upload, mut turns) = (Inbox::Unseen, None, 0);
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
                Seen::Known(known) => {
                    if let Some(next) = send_known(line, front, known, cx) {
                        return Poll::Ready(next);
                    }
                    inbox = Inbox::Unseen;
                    turns += 1;
                    if turns % TURNS == 0 && !line.inbox.is_empty() {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Seen::Foreign => return Poll::Ready(Next::End(End::Foreign)),
                Seen::Partial if line.inbox.len() >= front.limits().head_bytes => {
                    return Poll::Ready(Next::End(End::Foreign));
                }
                Seen::Partial => line.progress.bytes_read(line.hall.now()),
                Seen::Body(bytes) => await_body(line, &mut upload, bytes),
            }
        }
    })
    .await
}

/// Waits, watched, for the rest of a body of which there are so many bytes.
fn await_body(line: &Line, upload: &mut Option<Arc<Upload>>, bytes: usize) {
    let upload = upload.get_or_insert_with(|| {
        let upload = Upload::begin(line.hall.clock());
        line.progress.head_read(line.hall.now(), Some(Arc::clone(&upload)));
        upload
    });
    upload.progressed(bytes as u64);
    upload.awaited();
}

/// What `bytes` begins with, and how much of them that uses up.
fn see(bytes: &[u8], front: &Front, slot: &mut Slot) -> (usize, Seen) {
    let mut room = grammar::room();
    match grammar::scan(bytes, &mut room, front.limits(), LONGEST_BODY) {
        Scan::Partial => (0, Seen::Partial),
        Scan::Foreign => (0, Seen::Foreign),
        Scan::Head(head) if bytes.len() < head.bytes + head.body_bytes => {
            (0, Seen::Body(bytes.len() - head.bytes))
        }
        Scan::Head(head) => match known(&head, front) {
            Some(known) => (head.bytes + head.body_bytes, Seen::Known(known)),
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
