//! One connection: sends a request, finds the end of its answer.

use std::io::{self, ErrorKind};
use std::time::Instant;

use anyhow::{Context as _, bail};
use mio::{Interest, Registry, Token};

use super::answer::Answers;
use super::wire::{Route, Wire};

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet.
    Waits,
    /// The answer is complete.
    Answered,
    /// The server has closed it, between two requests.
    Ended,
}

/// A connection.
#[derive(Debug)]
pub struct Connection<W> {
    wire: W,
    answers: Answers,
    /// Bytes of the request that are sent.
    sent: usize,
    /// When the current request began; none while there is none.
    pub since: Option<Instant>,
}

impl<W: Wire> Connection<W> {
    /// Begins to connect, and sends `request` if it can at once.
    pub fn open(
        route: Route,
        shared: &W::Shared,
        request: &[u8],
        (registry, token): (&Registry, Token),
    ) -> anyhow::Result<Self> {
        let since = Some(Instant::now());
        let wire = W::connect(route, shared).with_context(|| format!("failed to connect to {}", route.to))?;
        let mut connection = Self { wire, answers: Answers::default(), sent: 0, since };
        // On loopback it is connected by now: then nobody has to tell that it can send.
        connection.send(request)?;
        let interest = if connection.sent == request.len() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        registry.register(connection.wire.stream(), token, interest)?;
        Ok(connection)
    }

    /// Begins the next request.
    pub fn begin(&mut self, request: &[u8], now: Instant) -> anyhow::Result<()> {
        self.sent = 0;
        self.since = Some(now);
        self.send(request)
    }

    /// Goes on with what it does.
    pub fn go_on(&mut self, request: &[u8], buffer: &mut [u8], usual: &mut usize) -> anyhow::Result<Step> {
        if self.sent < request.len() && self.since.is_some() {
            self.send(request)?;
        }
        loop {
            let count = match self.wire.receive(buffer) {
                Ok(0) => return self.ended(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Step::Waits),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if is_end(&error) => return self.ended(),
                Err(error) => return Err(error).context("failed to read the answer"),
            };
            if self.answers.take(&buffer[..count], usual)? {
                return Ok(Step::Answered);
            }
        }
    }

    /// The server may close a connection, but not within an answer.
    fn ended(&self) -> anyhow::Result<Step> {
        if self.answers.begun() {
            bail!("the server closed a connection within an answer");
        }
        Ok(Step::Ended)
    }

    fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        while self.sent < request.len() {
            match self.wire.send(&request[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What the server has to say about it is read next.
                Err(error) if is_end(&error) => return Ok(()),
                Err(error) => return Err(error).context("failed to send a request"),
            }
        }
        Ok(())
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}
