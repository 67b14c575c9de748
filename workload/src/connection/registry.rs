//! All connections of one thread, and the sweep that ends what takes too long.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use hyper::server::conn::http1;
use slab::Slab;

use super::cut::Cut;
use super::fast::Scratch;
use super::http2::Session;
use super::progress::Progress;
use super::term::Term;
use crate::clock::{Clock, Nanos};
use crate::record::Record;
use crate::settings::{Http1, Limits};

/// What the connections of one thread share.
#[derive(Debug)]
pub(crate) struct Hall {
    pub(crate) record: Arc<Record>,
    pub(super) limits: Limits,
    pub(super) scratch: Scratch,
    pub(super) http1: Http1,
    pub(super) http: http1::Builder,
    clock: Clock,
    /// The last time anybody here looked at the clock.
    about: Cell<Nanos>,
    mood: Cell<Mood>,
    connections: RefCell<Slab<Rc<Progress>>>,
    /// Those that speak HTTP/2.
    sessions: RefCell<Slab<Rc<Session>>>,
    /// Connections that were ordered to end, and those that are about to be.
    ending: Arc<AtomicUsize>,
}

/// How a thread treats its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Connections stay.
    Open,
    /// Answers end their connections; without a request they close after a moment.
    Closing,
}

/// While closing, a connection without a request is kept so long: a client that sends something once a second
/// learns from an answer that the connection ends, instead of from an error.
const LINGER: Duration = Duration::from_secs(1);

/// hyper, set so that it reads HTTP/1 within `limits`.
pub(super) fn general(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    // The sweep keeps the time: hyper would set a timer for each request.
    http.header_read_timeout(None).max_buf_size(limits.head_bytes).max_header_size(limits.head_bytes);
    http
}

impl Hall {
    pub(crate) fn new(clock: Clock, limits: Limits, http1: Http1, record: Arc<Record>) -> Rc<Self> {
        Rc::new(Self {
            record,
            limits,
            scratch: Scratch::new(),
            http1,
            http: general(&limits),
            clock,
            about: Cell::new(clock.now()),
            mood: Cell::new(Mood::Open),
            connections: RefCell::default(),
            sessions: RefCell::default(),
            ending: Arc::default(),
        })
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn now(&self) -> Nanos {
        let now = self.clock.now();
        self.about.set(now);
        now
    }

    /// The time without looking at the clock: at most one sweep interval ago.
    pub(super) fn about_now(&self) -> Nanos {
        self.about.get()
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.mood.set(mood);
    }

    pub(super) fn mood(&self) -> Mood {
        self.mood.get()
    }

    /// Asks up to `count` connections to go to another worker. Those that speak HTTP/2 can't, and are asked to end.
    pub(crate) fn part(&self, count: usize) {
        let connections = self.connections.borrow();
        connections.iter().take(count).for_each(|(_, progress)| progress.part());
        let rest = count.saturating_sub(connections.len());
        let now = self.about.get();
        self.sessions.borrow().iter().take(rest).for_each(|(_, session)| session.leave(now, Cut::Worker));
    }

    /// The count of the connections that were ordered to end. Whoever orders more adds them to it.
    pub(crate) fn ending(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.ending)
    }

    /// Orders so many connections to end, which were added to [`Self::ending`]: soon, one after another.
    pub(crate) fn shed(&self, count: usize) {
        let (now, mut random) = (self.now(), rand::rng());
        let (connections, sessions) = (self.connections.borrow(), self.sessions.borrow());
        let lines = connections.iter().filter(|(_, progress)| !progress.term().is_ordered()).take(count);
        let mut left = count;
        for (_, progress) in lines {
            progress.set_term(Term::ordered(now, &mut random));
            left -= 1;
        }
        for (_, session) in sessions.iter().filter(|(_, session)| !session.term().is_ordered()).take(left) {
            session.set_term(Term::ordered(now, &mut random));
            left -= 1;
        }
        // Connections may have ended since the order was given.
        self.ending.fetch_sub(left, Relaxed);
    }

    /// Ends what takes too long.
    pub(crate) fn sweep(&self) {
        let now = self.now();
        let (mut idle, mut limits) = (self.limits.keep_alive, self.limits);
        if self.mood.get() == Mood::Closing {
            for time in [&mut idle, &mut limits.head_timeout, &mut limits.handshake_timeout] {
                *time = LINGER.min(*time);
            }
        }
        self.connections.borrow().iter().for_each(|(_, progress)| progress.check(now, &limits, idle));
        for (_, session) in self.sessions.borrow().iter() {
            if self.mood.get() == Mood::Closing {
                session.leave(now, Cut::Worker);
            }
            session.check(now, &limits, idle);
        }
    }

    /// Closes the connection that has been without a request for longest, if there is one.
    pub(crate) fn close_idlest(&self) {
        let connections = self.connections.borrow();
        let waiting =
            connections.iter().filter_map(|(_, progress)| Some((progress.waits_since()?, progress)));
        if let Some((_, idlest)) = waiting.min_by_key(|(since, _)| *since) {
            idlest.close();
        }
    }

    /// A session begins; it leaves with the key that this gives.
    pub(super) fn enter_session(&self, session: Rc<Session>) -> usize {
        self.came(session.term());
        self.sessions.borrow_mut().insert(session)
    }

    pub(super) fn leave_session(&self, key: usize) {
        let session = self.sessions.borrow_mut().try_remove(key);
        if let Some(session) = session {
            self.left(session.term(), session.why_cut());
        }
    }

    /// A connection begins; it leaves with the key that this gives.
    pub(super) fn enter(&self, progress: Rc<Progress>) -> usize {
        self.came(progress.term());
        self.connections.borrow_mut().insert(progress)
    }

    pub(super) fn leave(&self, key: usize) {
        let progress = self.connections.borrow_mut().try_remove(key);
        if let Some(progress) = progress {
            self.left(progress.term(), progress.why_cut());
        }
    }

    fn came(&self, term: Term) {
        self.ending.fetch_add(usize::from(term.is_ordered()), Relaxed);
    }

    fn left(&self, term: Term, cut: Option<Cut>) {
        self.ending.fetch_sub(usize::from(term.is_ordered()), Relaxed);
        // What ends with the server is nobody's doing.
        if let (Mood::Open, Some(why)) = (self.mood.get(), cut) {
            self.record.closed_connection(why);
        }
    }
}
