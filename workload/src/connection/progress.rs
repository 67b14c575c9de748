//! How far a connection is, since when, and what it was told to do. Shared by its stream, its service and the sweep,
//! all on one thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::cut::Cut;
use super::refusal::Refusal;
use super::term::Term;
use super::upload::{Pace, Upload};
use crate::clock::Nanos;
use crate::settings::Limits;

/// The state of one connection, or of one stream of HTTP/2.
#[derive(Debug)]
pub(crate) struct Progress {
    of: Of,
    phase: Cell<Phase>,
    since: Cell<Nanos>,
    /// Since when the client takes nothing of what is to be written.
    write_blocked: Cell<Option<Nanos>>,
    upload: RefCell<Option<Arc<Upload>>>,
    /// Set when the last part of an answer went to hyper, taken when it is written.
    answered: Cell<Option<Answered>>,
    overdue: Cell<Option<Refusal>>,
    order: Cell<Order>,
    /// Why the server ends it, if it does.
    cut: Cell<Option<Cut>>,
    waker: OnceCell<Waker>,
    term: Cell<Term>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Connection,
    Stream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Agreeing on TLS.
    Handshake,
    /// Between two requests.
    Idle,
    /// Waiting for the first request, or for the rest of a head.
    Head,
    /// A request has been read and not answered.
    Running,
    /// An answer is being written.
    Answering,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Successfully,
    Otherwise,
}

/// What a connection was told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Stay,
    /// Go to another worker, as soon as no request is in progress.
    Part,
    /// Close.
    Close,
    /// Close with a reset: the client takes nothing.
    Reset,
}

impl Progress {
    pub(super) fn new(now: Nanos, term: Term, fresh: bool) -> Self {
        Self {
            of: Of::Connection,
            phase: Cell::new(if fresh { Phase::Head } else { Phase::Idle }),
            since: Cell::new(now),
            write_blocked: Cell::new(None),
            upload: RefCell::new(None),
            answered: Cell::new(None),
            overdue: Cell::new(None),
            order: Cell::new(Order::Stay),
            cut: Cell::new(None),
            waker: OnceCell::new(),
            term: Cell::new(term),
        }
    }

    /// Of a stream, whose head was read `now`.
    pub(super) fn of_stream(now: Nanos) -> Self {
        Self { of: Of::Stream, ..Self::new(now, Term::endless(), false) }
    }

    /// Of a connection that does not speak TLS yet.
    pub(super) fn handshaking(now: Nanos, term: Term) -> Self {
        let progress = Self::new(now, term, true);
        progress.phase.set(Phase::Handshake);
        progress
    }

    pub(super) fn bytes_read(&self, now: Nanos) {
        if self.phase.get() == Phase::Idle {
            self.enter(Phase::Head, now);
        }
    }

    pub(super) fn head_read(&self, now: Nanos, upload: Option<Arc<Upload>>) {
        self.enter(Phase::Running, now);
        self.upload.replace(upload);
    }

    /// The answer's head is known. `since` stays at the request's head, where latency begins.
    pub(super) fn answering(&self) {
        self.phase.set(Phase::Answering);
    }

    pub(super) fn answer_ended(&self, how: Answered) {
        self.answered.set(Some(how));
    }

    pub(super) fn write_progressed(&self) {
        self.write_blocked.set(None);
    }

    pub(super) fn write_blocked(&self, now: Nanos) {
        if self.write_blocked.get().is_none() {
            self.write_blocked.set(Some(now));
        }
    }

    /// Everything handed over so far was written. If that completes an answer: how, and when its request came.
    pub(super) fn flushed(&self) -> Option<(Answered, Nanos)> {
        let how = self.answered.take()?;
        Some((how, self.since.get()))
    }

    pub(super) fn idle(&self, now: Nanos) {
        self.enter(Phase::Idle, now);
    }

    pub(super) fn term(&self) -> Term {
        self.term.get()
    }

    pub(super) fn set_term(&self, term: Term) {
        self.term.set(term);
    }

    pub(super) fn order(&self) -> Order {
        self.order.get()
    }

    pub(super) fn remember_waker(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    /// What the sweep found to take too long.
    pub(super) fn take_overdue(&self) -> Option<Refusal> {
        self.overdue.take()
    }

    /// An error once the connection was told to end, whatever is still to be written.
    pub(super) fn check_order(&self) -> io::Result<()> {
        match self.order.get() {
            Order::Stay | Order::Part => Ok(()),
            Order::Close | Order::Reset => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// Whether it may go to another worker, and should.
    pub(super) fn is_to_part(&self) -> bool {
        self.order.get() == Order::Part && self.is_between_requests()
    }

    /// Whether nothing of a request or an answer is under way, in either direction.
    pub(super) fn is_between_requests(&self) -> bool {
        self.phase.get() == Phase::Idle && !self.is_uploading()
    }

    /// Whether some of the request's body was not read.
    pub(super) fn is_uploading(&self) -> bool {
        self.upload.borrow().as_ref().is_some_and(|upload| !upload.is_complete())
    }

    /// Since when it has been without a request, unless it has one or was told to do something.
    pub(super) fn waits_since(&self) -> Option<Nanos> {
        let waits = matches!(self.phase.get(), Phase::Handshake | Phase::Idle | Phase::Head)
            && self.order.get() == Order::Stay;
        waits.then(|| self.since.get())
    }

    /// Closes the connection, so that another has its place.
    pub(super) fn close(&self) {
        self.end(Order::Close, Cut::Idle);
    }

    /// The server ends it, now or with its answer.
    pub(super) fn cut(&self, why: Cut) {
        self.cut.set(self.cut.get().or(Some(why)));
    }

    /// Why the server has ended it, if it has.
    pub(super) fn why_cut(&self) -> Option<Cut> {
        self.cut.get()
    }

    /// Asks the connection to go to another worker.
    pub(super) fn part(&self) {
        if self.order.get() == Order::Stay {
            self.tell(Order::Part);
        }
    }

    /// Ends what takes too long at `now`. A connection without a request closes after `idle`.
    pub(super) fn check(&self, now: Nanos, limits: &Limits, idle: Duration) {
        let waited: Duration = (now - self.since.get()).into();
        let stalled = self.write_blocked.get().is_some_and(|since| now - since > limits.write_stall.into());
        match self.phase.get() {
            _ if stalled => self.end(Order::Reset, Cut::SlowReader),
            Phase::Idle if waited > idle => self.end(Order::Close, Cut::Idle),
            Phase::Idle if self.term.get().ends_idle(now, waited) => self.end(Order::Close, Cut::Order),
            Phase::Handshake if waited > limits.handshake_timeout => {
                self.end(Order::Close, Cut::SlowHandshake);
            }
            Phase::Head if waited > limits.head_timeout => self.end(Order::Close, Cut::SlowHead),
            Phase::Running => self.check_request(now, waited, limits),
            // What was begun can't be taken back. A stream may well be a conversation in which the client is silent.
            Phase::Answering if self.of == Of::Connection && self.pace(now, limits) == Pace::TooSlow => {
                self.end(Order::Close, Cut::SlowBody);
            }
            _ => {}
        }
    }

    /// What the client keeps from ending is the client's failure, not the handler's.
    fn check_request(&self, now: Nanos, waited: Duration, limits: &Limits) {
        let overdue = waited > limits.request_timeout;
        match self.pace(now, limits) {
            Pace::TooSlow => self.give_up(Refusal::BodyTooSlow),
            Pace::Slow if overdue => self.give_up(Refusal::BodyTooSlow),
            Pace::Unhindered if overdue => self.give_up(Refusal::TimedOut),
            Pace::Slow | Pace::Unhindered => {}
        }
    }

    /// The result of `work`, unless the sweep finds that it takes too long.
    pub(super) async fn in_time<F: Future>(&self, mut work: Pin<&mut F>) -> Result<F::Output, Refusal> {
        poll_fn(|cx| match self.take_overdue() {
            Some(refusal) => Poll::Ready(Err(refusal)),
            None => work.as_mut().poll(cx).map(Ok),
        })
        .await
    }

    fn enter(&self, phase: Phase, now: Nanos) {
        self.phase.set(phase);
        self.since.set(now);
    }

    /// How fast the client sends the body.
    fn pace(&self, now: Nanos, limits: &Limits) -> Pace {
        self.upload.borrow().as_ref().map_or(Pace::Unhindered, |upload| upload.pace(now, limits))
    }

    fn give_up(&self, refusal: Refusal) {
        if refusal == Refusal::BodyTooSlow {
            self.cut(Cut::SlowBody);
        }
        self.overdue.set(Some(refusal));
        self.wake();
    }

    fn end(&self, order: Order, why: Cut) {
        self.cut(why);
        self.tell(order);
    }

    fn tell(&self, order: Order) {
        self.order.set(order);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }
}
