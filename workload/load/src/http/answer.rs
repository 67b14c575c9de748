//! Reads one answer after the other from the bytes of a connection, whatever pieces they come in.

#[cfg(test)]
mod tests;

use super::chunked::Chunked;
use super::head::{self, Body};
use super::{MAX_BODY, Malformed};

/// A complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The final status, 200 to 599.
    pub status: u16,
    /// Whether the next request may be written on the same connection.
    pub reusable: bool,
}

/// How far an answer is after some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    Partial,
    /// This is the whole answer.
    Complete(Answer),
}

/// What the end of the connection means for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// No byte of the answer had come.
    Nothing,
    /// The answer was cut off.
    Truncated,
    /// The end of the connection is the end of the body, as the head announced.
    Complete(Answer),
}

#[derive(Debug)]
enum State {
    Head,
    Bytes { left: u64 },
    Chunked(Chunked),
    UntilClose { seen: u64 },
}

/// Parser of the answers on one connection. Between two answers it is as good as new.
#[derive(Debug)]
pub struct AnswerParser {
    state: State,
    /// The start of a head that came in pieces.
    head: Vec<u8>,
    status: u16,
    keep_alive: bool,
    no_body: bool,
    started: bool,
}

impl AnswerParser {
    /// `no_body`: the requests are HEADs, so that answers have no body whatever their headers say.
    pub fn new(no_body: bool) -> Self {
        Self { state: State::Head, head: Vec::new(), status: 0, keep_alive: true, no_body, started: false }
    }

    /// Takes the next bytes of the connection. After an error the parser is of no more use.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Malformed> {
        self.started |= !bytes.is_empty();
        if !matches!(self.state, State::Head) {
            return self.body(bytes);
        }
        if self.head.is_empty() {
            return self.heads(bytes);
        }
        let mut gathered = std::mem::take(&mut self.head);
        gathered.extend_from_slice(bytes);
        self.heads(&gathered)
    }

    /// The server has closed the connection.
    pub fn end(&self) -> Ending {
        match self.state {
            State::UntilClose { .. } => Ending::Complete(Answer { status: self.status, reusable: false }),
            _ if self.started => Ending::Truncated,
            _ => Ending::Nothing,
        }
    }

    /// Reads heads, interim ones (1xx) too, from the start of `bytes`, and goes on with the body.
    fn heads(&mut self, mut bytes: &[u8]) -> Result<Progress, Malformed> {
        loop {
            let Some(head) = head::parse(bytes, self.no_body)? else {
                self.head = bytes.to_vec();
                return Ok(Progress::Partial);
            };
            bytes = &bytes[head.length..];
            if head.status < 200 {
                continue;
            }
            (self.status, self.keep_alive) = (head.status, head.keep_alive);
            self.state = match head.body {
                Body::Bytes(left) => State::Bytes { left },
                Body::Chunked => State::Chunked(Chunked::new()),
                Body::UntilClose => State::UntilClose { seen: 0 },
            };
            return self.body(bytes);
        }
    }

    fn body(&mut self, bytes: &[u8]) -> Result<Progress, Malformed> {
        let (used, done) = match &mut self.state {
            State::Head => return Ok(Progress::Partial),
            State::Bytes { left } => {
                let take = (*left).min(bytes.len() as u64);
                *left -= take;
                (take as usize, *left == 0)
            }
            State::Chunked(chunked) => chunked.feed(bytes)?,
            State::UntilClose { seen } => {
                *seen += bytes.len() as u64;
                if *seen > MAX_BODY {
                    return Err(Malformed::BodyTooLong);
                }
                (bytes.len(), false)
            }
        };
        if !done {
            return Ok(Progress::Partial);
        }
        // Bytes after the answer were not asked for: nothing that follows on this connection could be trusted.
        let answer = Answer { status: self.status, reusable: self.keep_alive && used == bytes.len() };
        (self.state, self.started) = (State::Head, false);
        Ok(Progress::Complete(answer))
    }
}
