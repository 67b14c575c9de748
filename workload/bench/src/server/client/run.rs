//! Keeps a number of connections busy for some time.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};
use rustix::time::{ClockId, clock_gettime};

use super::connection::{Connection, Step};
use super::wire::{Route, Wire};

/// Connections that are opened together: fewer than any server lets wait to be accepted.
const TOGETHER: usize = 64;
/// A server that says nothing for so long will not.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longer latencies count as this.
const MOST_NANOS: u64 = 60_000_000_000;

/// What happened in some time.
#[derive(Debug)]
pub struct Sample {
    /// Requests answered.
    pub requests: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// From sending to the end of the answer, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Connections that the server closed between two requests.
    pub reopened: u64,
    /// CPU time of the client, where it is known.
    pub cpu: Option<Duration>,
}

impl Sample {
    /// Nothing happened, in no time.
    pub fn nothing() -> anyhow::Result<Self> {
        let latency = Histogram::new_with_bounds(1, MOST_NANOS, 3)?;
        Ok(Self { requests: 0, elapsed: Duration::ZERO, latency, reopened: 0, cpu: None })
    }
}

/// What is sent where.
#[derive(Debug, Clone)]
pub struct Target {
    pub route: Route,
    pub request: Vec<u8>,
    /// Whether each connection carries one request only.
    pub one_request: bool,
}

/// A client with open connections.
pub struct Client<W: Wire> {
    target: Target,
    shared: W::Shared,
    poll: Poll,
    connections: Vec<Option<Connection<W>>>,
    buffer: Vec<u8>,
    /// Length of the answer before.
    usual: usize,
}

impl<W: Wire> Client<W> {
    /// Opens `count` connections; each has made one exchange then. With one request a connection, the first ones are
    /// opened when it runs.
    pub fn open(target: Target, count: usize, shared: W::Shared) -> anyhow::Result<Self> {
        let (poll, buffer) = (Poll::new()?, vec![0; 64 * 1024]);
        let mut client =
            Self { target, shared, poll, connections: Vec::with_capacity(count), buffer, usual: 0 };
        while client.connections.len() < count {
            let together = TOGETHER.min(count - client.connections.len());
            client.connections.extend((0..together).map(|_| None));
            client.run(Duration::ZERO)?;
        }
        Ok(client)
    }

    /// Sends requests for so long, each connection the next one as soon as it has its answer, and waits for the last
    /// answers. A connection sends one request at least.
    pub fn run(&mut self, duration: Duration) -> anyhow::Result<Sample> {
        let (started, cpu) = (Instant::now(), thread_cpu());
        let end = started + duration;
        let mut sample = Sample::nothing()?;
        let mut busy = 0;
        for index in 0..self.connections.len() {
            match &mut self.connections[index] {
                // While others are opened, those that are open have nothing to do.
                Some(_) if duration.is_zero() => continue,
                Some(connection) => connection.begin(&self.target.request, Instant::now())?,
                None => self.open_at(index)?,
            }
            busy += 1;
        }
        let mut events = Events::with_capacity(1024);
        while busy > 0 {
            if let Err(error) = self.poll.poll(&mut events, Some(PATIENCE)) {
                ensure!(error.kind() == ErrorKind::Interrupted, error);
                continue;
            }
            ensure!(!events.is_empty(), "no answer within {PATIENCE:?}");
            for event in &events {
                busy -= usize::from(self.step(event.token().0, end, &mut sample)?);
            }
        }
        sample.elapsed = started.elapsed();
        sample.cpu = Some(thread_cpu().saturating_sub(cpu));
        Ok(sample)
    }

    /// Whether the connection at `index` has nothing more to do in this run.
    fn step(&mut self, index: usize, end: Instant, sample: &mut Sample) -> anyhow::Result<bool> {
        match self.go_on(index)? {
            Step::Waits => Ok(false),
            Step::Answered => self.answered(index, end, sample),
            Step::Ended => self.ended(index, end, sample),
        }
    }

    fn go_on(&mut self, index: usize) -> anyhow::Result<Step> {
        match &mut self.connections[index] {
            Some(connection) => connection
                .go_on(&self.target.request, &mut self.buffer, &mut self.usual)
                .with_context(|| format!("connection {index}")),
            None => Ok(Step::Waits),
        }
    }

    fn answered(&mut self, index: usize, end: Instant, sample: &mut Sample) -> anyhow::Result<bool> {
        let now = Instant::now();
        let Some(connection) = &mut self.connections[index] else { return Ok(false) };
        let since = connection.since.take().context("an answer that nobody asked for")?;
        sample.requests += 1;
        sample.latency.saturating_record((now - since).as_nanos() as u64);
        if self.target.one_request {
            // The server closes it; mostly that has come with the answer.
            return self.step(index, end, sample);
        }
        if now < end {
            connection.begin(&self.target.request, now)?;
        }
        Ok(now >= end)
    }

    /// The server has closed the connection, between two answers.
    fn ended(&mut self, index: usize, end: Instant, sample: &mut Sample) -> anyhow::Result<bool> {
        let Some(connection) = self.connections[index].take() else { return Ok(false) };
        let unanswered = connection.since.is_some();
        drop(connection);
        let again = if self.target.one_request {
            ensure!(!unanswered, "the server closed a connection without an answer");
            Instant::now() < end
        } else {
            sample.reopened += 1;
            ensure!(
                sample.reopened <= sample.requests + self.connections.len() as u64,
                "the server closes connections without an answer"
            );
            unanswered
        };
        if again {
            self.open_at(index)?;
        }
        Ok(self.target.one_request && !again)
    }

    fn open_at(&mut self, index: usize) -> anyhow::Result<()> {
        let place = (self.poll.registry(), Token(index));
        let connection = Connection::open(self.target.route, &self.shared, &self.target.request, place)?;
        self.connections[index] = Some(connection);
        Ok(())
    }
}

/// CPU time of this thread.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
