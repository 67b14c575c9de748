//! How far an HTTP/2 connection is, and each of its streams. Shared by its socket, its streams and the sweep, all on
//! one thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use slab::Slab;

use super::super::cut::Cut;
use super::super::progress::Progress;
use super::super::term::Term;
use super::meter::Meter;
use crate::clock::Nanos;
use crate::settings::Limits;

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    meter: RefCell<Meter>,
    streams: RefCell<Slab<Rc<Progress>>>,
    /// The stream whose task is about to be started.
    starting: RefCell<Option<Started>>,
    /// Requests that came, and answers that were sent as a whole.
    requests: Cell<u64>,
    answers: Cell<u64>,
    /// Since when there is no stream, while there is none.
    idle_since: Cell<Nanos>,
    read_at: Cell<Nanos>,
    /// Since when the client takes nothing of what is to be written.
    write_blocked: Cell<Option<Nanos>>,
    order: Cell<Order>,
    /// Why the server ends it, if it does.
    cut: Cell<Option<Cut>>,
    waker: OnceCell<Waker>,
    /// When it is over, it has to leave.
    term: Cell<Term>,
}

/// A stream's number in its session, and its state.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) key: usize,
    pub(super) progress: Rc<Progress>,
}

/// What a connection was told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Stay,
    /// Say that the connection ends, and serve as before: what the client has sent before it heard is on its way.
    Announce {
        since: Nanos,
    },
    /// Take no new streams, finish those there are, and close.
    Leave {
        since: Nanos,
    },
    /// Close.
    Close,
    /// Close with a reset: the client takes nothing.
    Reset,
}

/// Requests after which a connection ends, so that connections move on behind a balancer.
const MOST_REQUESTS: u64 = 10_000;
/// From saying that the connection ends to taking no new streams. The client hears of it within a round trip, but one
/// that reads and sends at that moment may send another request after it has answered the server's ping.
const LEAD: Duration = Duration::from_millis(250);
/// The time in which a client takes notice that the connection ends.
const NOTICE: Duration = Duration::from_secs(1);

impl Session {
    pub(super) fn new(meter: Meter, now: Nanos, term: Term) -> Self {
        Self {
            meter: RefCell::new(meter),
            streams: RefCell::default(),
            starting: RefCell::default(),
            requests: Cell::default(),
            answers: Cell::default(),
            idle_since: Cell::new(now),
            read_at: Cell::new(now),
            write_blocked: Cell::default(),
            order: Cell::new(Order::Stay),
            cut: Cell::default(),
            waker: OnceCell::new(),
            term: Cell::new(term),
        }
    }

    pub(super) fn read(&self, bytes: &[u8], now: Nanos) {
        let mut meter = self.meter.borrow_mut();
        meter.read(bytes, now);
        self.read_at.set(now);
        if meter.is_flooded(self.answers.get()) {
            self.cut(Cut::Flood);
            self.order.set(Order::Close);
        }
    }

    pub(super) fn write_progressed(&self) {
        self.write_blocked.set(None);
    }

    pub(super) fn write_blocked(&self, now: Nanos) {
        if self.write_blocked.get().is_none() {
            self.write_blocked.set(Some(now));
        }
    }

    /// A request has come: its stream's state.
    pub(super) fn begin(&self, now: Nanos) -> Rc<Progress> {
        let progress = Rc::new(Progress::of_stream(now));
        let key = self.streams.borrow_mut().insert(Rc::clone(&progress));
        self.starting.replace(Some(Started { key, progress: Rc::clone(&progress) }));
        let requests = self.requests.get() + 1;
        self.requests.set(requests);
        if requests == MOST_REQUESTS {
            self.leave(now, Cut::Requests);
        }
        progress
    }

    /// The stream whose request came last, if its task has not been started.
    pub(super) fn take_started(&self) -> Option<Started> {
        self.starting.take()
    }

    /// A stream has ended.
    pub(super) fn end(&self, key: usize, now: Nanos) {
        let mut streams = self.streams.borrow_mut();
        streams.remove(key);
        if streams.is_empty() {
            self.idle_since.set(now);
        }
    }

    /// A part of an answer was handed over.
    pub(super) fn answering(&self, bytes: usize) {
        self.meter.borrow_mut().answered(bytes);
    }

    /// An answer was handed over as a whole.
    pub(super) fn answered(&self) {
        self.answers.set(self.answers.get() + 1);
    }

    pub(super) fn order(&self) -> Order {
        self.order.get()
    }

    pub(super) fn remember_waker(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    pub(in crate::connection) fn term(&self) -> Term {
        self.term.get()
    }

    pub(in crate::connection) fn set_term(&self, term: Term) {
        self.term.set(term);
    }

    /// Asks the connection to end once its streams have.
    pub(in crate::connection) fn leave(&self, now: Nanos, why: Cut) {
        if self.order.get() == Order::Stay {
            self.cut(why);
            self.tell(Order::Announce { since: now });
        }
    }

    /// Ends what takes too long at `now`. A connection without a stream leaves after `idle`.
    pub(in crate::connection) fn check(&self, now: Nanos, limits: &Limits, idle: Duration) {
        let streams = self.streams.borrow();
        streams.iter().for_each(|(_, progress)| progress.check(now, limits, idle));
        let over = |since: Nanos, limit: Duration| now - since > limit.into();
        let meter = self.meter.borrow();
        if self.write_blocked.get().is_some_and(|since| over(since, limits.write_stall)) {
            self.end_now(Order::Reset, Cut::SlowReader);
        } else if meter.head_since().is_some_and(|since| over(since, limits.head_timeout)) {
            self.end_now(Order::Close, Cut::SlowHead);
        } else if meter.is_within_frame() && over(self.read_at.get(), limits.body_idle) {
            self.end_now(Order::Close, Cut::SlowFrame);
        } else if streams.is_empty() {
            self.check_idle(now, idle);
        } else if self.term.get().is_over(now) {
            self.leave(now, self.term.get().reason());
        }
    }

    fn check_idle(&self, now: Nanos, idle: Duration) {
        let idle_since = self.idle_since.get();
        match self.order.get() {
            Order::Stay if self.term.get().is_over(now) => self.leave(now, self.term.get().reason()),
            Order::Stay if now - idle_since > idle.into() => self.leave(now, Cut::Idle),
            Order::Announce { since } if now - since > LEAD.into() => self.tell(Order::Leave { since: now }),
            // What it has sent before it knew is answered.
            Order::Leave { since } if now - since.max(idle_since) > NOTICE.into() => self.tell(Order::Close),
            _ => {}
        }
    }

    /// The server ends it.
    pub(super) fn cut(&self, why: Cut) {
        self.cut.set(self.cut.get().or(Some(why)));
    }

    /// Why the server has ended it, if it has.
    pub(in crate::connection) fn why_cut(&self) -> Option<Cut> {
        self.cut.get()
    }

    fn end_now(&self, order: Order, why: Cut) {
        self.cut(why);
        self.tell(order);
    }

    fn tell(&self, order: Order) {
        self.order.set(order);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }
}
