//! Requests whose answer is known at sight: a fixed one, or that there is no room. No request is made of them.

use std::ops::ControlFlow;
use std::task::Context;

use http::Method;

use super::super::front::Front;
use super::super::refusal::Refusal;
use super::answer::{self, Additions};
use super::grammar::{After, Bearing, Head};
use super::line::{Line, Then, Written};
use super::send::Id;
use super::serve::{End, Next, ordered};
use crate::clock::Nanos;

/// A request whose answer is known at sight.
pub(super) struct Known {
    answer: Answer,
    method: Method,
    id: Id,
    after: After,
    arrived: Nanos,
}

/// An answer that needs no request to be made.
#[derive(Clone, Copy)]
enum Answer {
    /// The one at that place among the fixed ones.
    Fixed(usize),
    Refusal(Refusal),
}

impl Known {
    fn write(&self, out: &mut Vec<u8>, front: &Front, additions: Additions<'_>) {
        match self.answer {
            Answer::Fixed(index) => {
                if let Some(fixed) = front.backend.fixed_answer(index) {
                    answer::fixed(out, fixed, &self.method, additions);
                }
            }
            Answer::Refusal(refusal) => answer::refusal(out, refusal, &self.method, additions),
        }
    }

    fn sent(&self, front: &Front) {
        match self.answer {
            Answer::Fixed(_) => front.sent_fixed(self.arrived),
            Answer::Refusal(_) => front.sent_refusal(),
        }
    }
}

/// The request as one whose answer is known, if it is; and if nothing in its head could change that.
pub(super) fn known(head: &Head<'_, '_>, front: &Front) -> Option<Known> {
    if head.bearing == Bearing::Some {
        return None;
    }
    let fixed = (head.body_bytes == 0).then(|| front.backend.fixed(&head.method, head.target)).flatten();
    let answer = fixed.map(Answer::Fixed).or_else(|| front.backend.refuse_at_sight().map(Answer::Refusal))?;
    let id = Id::of(head.request_id, front.scratch());
    Some(Known { answer, method: head.method.clone(), id, after: head.after, arrived: front.now() })
}

/// Sends an answer that is known. `None` if it is written and others may follow.
pub(super) fn send_known(
    line: &mut Line,
    front: &Front,
    mut known: Known,
    cx: &mut Context<'_>,
) -> Option<Next> {
    let asked = known.after;
    if front.is_to_end(known.arrived) {
        known.after = After::Close;
    }
    line.progress.head_read(known.arrived, None);
    line.progress.answering();
    // A client that asked for the end sends nothing more: there is nothing to wait for.
    let then = if asked == After::Close { Then::Close } else { Then::Anything };
    let written = line.begin_writing(cx, then, |out| {
        front.scratch().with_date(known.arrived, |date| {
            let additions = Additions { date, request_id: known.id.as_bytes(), after: known.after };
            known.write(out, front, additions);
        });
    });
    match written {
        Ok(Written::Whole) if known.after == asked => {
            known.sent(front);
            (asked == After::Close).then_some(Next::End(End::Closed))
        }
        Ok(_) => Some(Next::Rest(known)),
        Err(_) => Some(Next::End(ordered(&line.progress).unwrap_or(End::Closed))),
    }
}

/// Ends an answer that could not be written at once, or ends the connection.
pub(super) async fn send_rest(line: &mut Line, front: &Front, known: &Known) -> ControlFlow<End> {
    if line.write_rest().await.is_err() || line.flush().await.is_err() {
        return ControlFlow::Break(ordered(&line.progress).unwrap_or(End::Closed));
    }
    known.sent(front);
    if known.after == After::Close {
        line.shutdown().await;
        return ControlFlow::Break(End::Closed);
    }
    ControlFlow::Continue(())
}
