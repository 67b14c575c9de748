//! The loop: send what is due, end what has timed out, read what has come, sleep until the next of these.

use super::alarm::Alarm;
use super::connection::Connection;
use super::pool::Pool;
use super::requests::Requests;
use super::schedule::Schedule;
use super::{Reuse, Setup};
use crate::account::{Ledger, Outcome};
use crate::report::{Counts, Second};
use mio::{Events, Poll, Token};
use std::io;
use std::iter::Peekable;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

const ALARM: Token = Token(usize::MAX - 1);
const EVENTS: usize = 1024;
const READ_BUFFER: usize = 64 << 10;
/// A shorter wait than this is not slept: going to sleep and waking up takes about as long.
const SHORTEST_SLEEP: Duration = Duration::from_micros(20);
/// How often progress is told, and the longest sleep, after which an interruption is noticed at the latest.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// How long answers are waited for after an interruption.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What the loop tells while it runs.
#[derive(Debug)]
pub enum Note {
    /// A second is final.
    Second(Second),
    /// Where the run is.
    Progress(Progress),
}

/// Where a run is. Without the warm-up, but for the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Time since the start of the warm-up.
    pub elapsed: Duration,
    /// Everything counted so far.
    pub counts: Counts,
    /// Requests that have not ended.
    pub under_way: usize,
}

/// What is left of a run.
#[derive(Debug)]
pub struct Done {
    /// The books, all seconds final.
    pub ledger: Ledger,
    /// Connections opened to each destination.
    pub connections_opened: Vec<u64>,
    /// Requests sent, those of the warm-up too.
    pub requests_sent: u64,
    /// Whether the run was ended before its time.
    pub interrupted: bool,
}

/// Why the loop cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// epoll or the timer fail.
    #[error("cannot wait for connections: {0}; is the limit of open descriptors (ulimit -n) very low?")]
    Wait(#[from] io::Error),
}

/// The generator: everything that a run needs.
#[derive(Debug)]
pub struct Engine<A: Iterator<Item = Duration>> {
    pub(super) setup: Setup,
    /// Intended times still to come.
    pub(super) arrivals: Peekable<A>,
    pub(super) ledger: Ledger,
    pub(super) requests: Requests,
    pub(super) pools: Vec<Pool>,
    pub(super) connections: Vec<Option<Connection>>,
    pub(super) free: Vec<usize>,
    pub(super) schedule: Schedule,
    pub(super) poll: Poll,
    pub(super) buffer: Vec<u8>,
    pub(super) requests_sent: u64,
    alarm: Alarm,
    started: Instant,
    /// Set on interruption: nothing is sent from here on.
    ended_early: Option<Duration>,
    next_progress: Duration,
}

impl<A: Iterator<Item = Duration>> Engine<A> {
    /// Time starts running at [`Engine::run`].
    pub fn new(setup: Setup, arrivals: A, ledger: Ledger) -> Result<Self, EngineError> {
        let poll = Poll::new()?;
        let alarm = Alarm::new(poll.registry(), ALARM)?;
        let pools = setup.destinations.iter().map(|_| Pool::new(setup.connections_per_destination)).collect();
        Ok(Self {
            setup,
            arrivals: arrivals.peekable(),
            ledger,
            requests: Requests::default(),
            pools,
            connections: Vec::new(),
            free: Vec::new(),
            schedule: Schedule::default(),
            poll,
            buffer: vec![0; READ_BUFFER],
            requests_sent: 0,
            alarm,
            started: Instant::now(),
            ended_early: None,
            next_progress: Duration::ZERO,
        })
    }

    /// Runs to the end of the schedule and of its last request, or until `interrupted` is set.
    pub fn run(mut self, interrupted: &AtomicBool, notes: &Sender<Note>) -> Result<Done, EngineError> {
        let mut events = Events::with_capacity(EVENTS);
        self.started = Instant::now();
        loop {
            if interrupted.load(Ordering::Relaxed) && self.ended_early.is_none() {
                self.ended_early = Some(self.now());
            }
            self.send_due();
            self.end_overdue();
            self.tell(notes);
            if self.is_over() {
                break;
            }
            self.wait(&mut events)?;
            for event in &events {
                if event.token() != ALARM {
                    self.ready(
                        event.token().0,
                        event.is_readable(),
                        event.is_writable(),
                        event.is_read_closed(),
                    );
                }
            }
        }
        self.abandon_rest(notes);
        Ok(Done {
            ledger: self.ledger,
            connections_opened: self.pools.iter().map(Pool::opened).collect(),
            requests_sent: self.requests_sent,
            interrupted: self.ended_early.is_some(),
        })
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn keeps_connections(&self) -> bool {
        self.setup.reuse == Reuse::KeepAlive
    }

    /// The next intended time, unless nothing is to be sent any more.
    pub(super) fn next_due(&mut self) -> Option<Duration> {
        if self.ended_early.is_some() { None } else { self.arrivals.peek().copied() }
    }

    /// Fills `events` with what has come, and sleeps if there is nothing to do.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        self.poll_for(events, Some(Duration::ZERO))?;
        let due = self.next_due();
        let now = self.now();
        if !events.is_empty() || due.is_some_and(|due| due <= now) {
            return Ok(());
        }
        self.schedule.idle(now, due);
        let wake = self.next_wake(due, now);
        if wake.saturating_sub(now) < SHORTEST_SLEEP {
            return Ok(());
        }
        self.alarm.set(now, wake)?;
        self.poll_for(events, None)?;
        self.schedule.idle(self.now(), due);
        Ok(())
    }

    fn poll_for(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, timeout) {
            // A signal: the loop looks at the interruption flag.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other,
        }
    }

    fn next_wake(&self, due: Option<Duration>, now: Duration) -> Duration {
        let deadline = self.requests.earliest().map(|(_, request)| request.intended + self.setup.timeout);
        let end = if deadline.is_none() { Some(self.end_of_schedule()) } else { None };
        let row = Some(self.ledger.end_of_next()).filter(|end| *end > now);
        [due, deadline, end, row].into_iter().flatten().fold(self.next_progress, Duration::min)
    }

    /// When the schedule ends, or ended.
    fn end_of_schedule(&self) -> Duration {
        self.ended_early.map_or(self.setup.end, |time| time.min(self.setup.end))
    }

    fn is_over(&mut self) -> bool {
        let now = self.now();
        let waited_enough = self.ended_early.is_some_and(|time| now >= time + LAST_ANSWERS);
        self.next_due().is_none()
            && now >= self.end_of_schedule()
            && (self.requests.open() == 0 || waited_enough)
    }

    /// Tells the seconds that have become final, and now and then the progress. Nobody listening is no error.
    fn tell(&mut self, notes: &Sender<Note>) {
        let now = self.now();
        let passed = self.next_due().map_or(now, |due| due.min(now)).min(self.end_of_schedule());
        while let Some(second) = self.ledger.next_final(passed) {
            let _ = notes.send(Note::Second(second));
        }
        if now >= self.next_progress {
            self.next_progress = now + PROGRESS_EVERY;
            let (counts, under_way) = (self.ledger.counts(), self.requests.open());
            let _ = notes.send(Note::Progress(Progress { elapsed: now, counts, under_way }));
        }
    }

    /// Ends what an interruption left open, and closes the last second, which may not be a whole one.
    fn abandon_rest(&mut self, notes: &Sender<Note>) {
        while let Some((id, request)) = self.requests.earliest() {
            self.requests.end(id);
            self.ledger.end(request.intended, request.destination, Outcome::Abandoned);
        }
        let whole = self.ledger.end_of_second(self.end_of_schedule());
        while let Some(second) = self.ledger.next_final(whole) {
            let _ = notes.send(Note::Second(second));
        }
    }
}
